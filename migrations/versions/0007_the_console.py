"""the console

Revision: 0007
Before it: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('admin_api_answer',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('call_sha256', sa.String(length=64), nullable=False),
    sa.Column('claim', sa.String(length=26), nullable=False),
    sa.Column('claimed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('settled', sa.Boolean(), nullable=False),
    sa.Column('answer', sa.LargeBinary(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_admin_api_answer'))
    )
    with op.batch_alter_table('admin_api_answer', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_admin_api_answer_claimed_at'), ['claimed_at'], unique=False)

    op.create_table('admin_application_change',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('client_id', sa.String(length=64), nullable=False),
    sa.Column('base_sha256', sa.String(length=64), nullable=False),
    sa.Column('wanted_sha256', sa.String(length=64), nullable=False),
    sa.Column('changes', sa.JSON(), nullable=False),
    sa.Column('before', sa.JSON(), nullable=False),
    sa.Column('undoes', sa.Integer(), nullable=True),
    sa.Column('why', sa.String(length=300), nullable=False),
    sa.Column('asked_by', sa.String(length=26), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended', sa.String(length=10), nullable=True),
    sa.Column('reason', sa.String(length=300), nullable=True),
    sa.Column('decided_by', sa.String(length=26), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_admin_application_change'))
    )
    with op.batch_alter_table('admin_application_change', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_admin_application_change_client_id'), ['client_id'], unique=False)
        batch_op.create_index('uq_admin_application_change_open', ['client_id'], unique=True, sqlite_where=sa.text('decided_at IS NULL'), postgresql_where=sa.text('decided_at IS NULL'))

    op.create_table('admin_application_contact_check',
    sa.Column('client_id', sa.String(length=64), nullable=False),
    sa.Column('address', sa.String(length=254), nullable=False),
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('confirmed_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('client_id', 'address', name=op.f('pk_admin_application_contact_check')),
    sa.UniqueConstraint('id', name=op.f('uq_admin_application_contact_check_id'))
    )
    op.create_table('admin_application_count',
    sa.Column('client_id', sa.String(length=64), nullable=False),
    sa.Column('hour', sa.DateTime(timezone=True), nullable=False),
    sa.Column('name', sa.String(length=64), nullable=False),
    sa.Column('amount', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('client_id', 'hour', 'name', name=op.f('pk_admin_application_count'))
    )
    op.create_table('admin_certificate_count',
    sa.Column('profile', sa.String(length=64), nullable=False),
    sa.Column('profile_version', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('authority_id', sa.String(length=26), nullable=False),
    sa.Column('key', sa.String(length=24), nullable=False),
    sa.Column('ends', sa.DateTime(timezone=True), nullable=False),
    sa.Column('amount', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('profile', 'profile_version', 'authority_id', 'key', 'ends', name=op.f('pk_admin_certificate_count'))
    )
    op.create_table('admin_go_live_request',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('client_id', sa.String(length=64), nullable=False),
    sa.Column('document_sha256', sa.String(length=64), nullable=False),
    sa.Column('asked_by', sa.String(length=26), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('approved', sa.Boolean(), nullable=True),
    sa.Column('reason', sa.String(length=300), nullable=True),
    sa.Column('decided_by', sa.String(length=26), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_admin_go_live_request'))
    )
    with op.batch_alter_table('admin_go_live_request', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_admin_go_live_request_client_id'), ['client_id'], unique=False)
        batch_op.create_index('uq_admin_go_live_request_open', ['client_id'], unique=True, sqlite_where=sa.text('decided_at IS NULL'), postgresql_where=sa.text('decided_at IS NULL'))

    op.create_table('admin_saved_search',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('about_id', sa.String(length=26), nullable=True),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('role', sa.String(length=32), nullable=True),
    sa.Column('filters', sa.JSON(), nullable=False),
    sa.Column('saved_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_admin_saved_search'))
    )
    with op.batch_alter_table('admin_saved_search', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_admin_saved_search_about_id'), ['about_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_admin_saved_search_person_id'), ['person_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_admin_saved_search_role'), ['role'], unique=False)

    op.create_table('admin_service_role',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('client_id', sa.String(length=64), nullable=False),
    sa.Column('role', sa.String(length=32), nullable=False),
    sa.Column('institution_ruc', sa.String(length=13), nullable=True),
    sa.Column('registered_by', sa.String(length=64), nullable=True),
    sa.Column('granted_by', sa.String(length=64), nullable=False),
    sa.Column('granted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('withdrawn_by', sa.String(length=64), nullable=True),
    sa.Column('withdrawn_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_admin_service_role'))
    )
    with op.batch_alter_table('admin_service_role', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_admin_service_role_client_id'), ['client_id'], unique=False)
        batch_op.create_index('uq_admin_service_role_held', ['client_id', 'role'], unique=True, sqlite_where=sa.text('withdrawn_at IS NULL'), postgresql_where=sa.text('withdrawn_at IS NULL'))

    op.create_table('admin_test_person',
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('institution_id', sa.String(length=26), nullable=False),
    sa.Column('made_by', sa.String(length=64), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('person_id', name=op.f('pk_admin_test_person'))
    )
    with op.batch_alter_table('admin_test_person', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_admin_test_person_institution_id'), ['institution_id'], unique=False)

    op.create_table('idp_simulation',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('client_id', sa.String(length=64), nullable=False),
    sa.Column('fault', sa.String(length=20), nullable=False),
    sa.Column('logins_left', sa.Integer(), nullable=False),
    sa.Column('sent', sa.Integer(), nullable=False),
    sa.Column('redeemed', sa.Integer(), nullable=False),
    sa.Column('started_by', sa.String(length=64), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ends_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('stopped_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_simulation'))
    )
    with op.batch_alter_table('idp_simulation', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_simulation_client_id'), ['client_id'], unique=False)

    op.create_table('ca_ceremony_paper',
    sa.Column('ceremony_id', sa.String(length=26), nullable=False),
    sa.Column('place', sa.String(length=200), nullable=False),
    sa.Column('began_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('rehearsed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('witnesses', sa.JSON(), nullable=False),
    sa.Column('certificates', sa.JSON(), nullable=False),
    sa.Column('file', sa.LargeBinary(), nullable=False),
    sa.Column('minutes', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['ceremony_id'], ['ca_ceremony.id'], name=op.f('fk_ca_ceremony_paper_ceremony_id')),
    sa.PrimaryKeyConstraint('ceremony_id', name=op.f('pk_ca_ceremony_paper'))
    )
    op.create_table('idp_client_change',
    sa.Column('client_id', sa.String(length=64), nullable=False),
    sa.Column('version', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('kind', sa.String(length=12), nullable=False),
    sa.Column('before', sa.JSON(), nullable=False),
    sa.Column('after', sa.JSON(), nullable=False),
    sa.Column('undoes', sa.Integer(), nullable=True),
    sa.Column('changed_by', sa.String(length=64), nullable=True),
    sa.Column('approved_by', sa.String(length=64), nullable=True),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['client_id'], ['idp_client.client_id'], name=op.f('fk_idp_client_change_client_id')),
    sa.PrimaryKeyConstraint('client_id', 'version', name=op.f('pk_idp_client_change'))
    )
    op.create_table('idp_simulated_login',
    sa.Column('family_id', sa.String(length=26), nullable=False),
    sa.Column('simulation_id', sa.String(length=26), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['simulation_id'], ['idp_simulation.id'], name=op.f('fk_idp_simulated_login_simulation_id')),
    sa.PrimaryKeyConstraint('family_id', name=op.f('pk_idp_simulated_login'))
    )
    with op.batch_alter_table('idp_simulated_login', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_simulated_login_simulation_id'), ['simulation_id'], unique=False)

    with op.batch_alter_table('audit_event', schema=None) as batch_op:
        batch_op.create_index('ix_audit_event_client_failed', ['client_id', 'occurred_at'], unique=False, postgresql_where=sa.text("outcome != 'success'"), sqlite_where=sa.text("outcome != 'success'"))

    with op.batch_alter_table('idp_client', schema=None) as batch_op:
        batch_op.add_column(sa.Column('environment', sa.String(length=10), server_default='production', nullable=False))

    with op.batch_alter_table('idp_person', schema=None) as batch_op:
        batch_op.add_column(sa.Column('is_test', sa.Boolean(), server_default=sa.text('(false)'), nullable=False))



def downgrade() -> None:
    with op.batch_alter_table('idp_person', schema=None) as batch_op:
        batch_op.drop_column('is_test')

    with op.batch_alter_table('idp_client', schema=None) as batch_op:
        batch_op.drop_column('environment')

    with op.batch_alter_table('audit_event', schema=None) as batch_op:
        batch_op.drop_index('ix_audit_event_client_failed', postgresql_where=sa.text("outcome != 'success'"), sqlite_where=sa.text("outcome != 'success'"))

    with op.batch_alter_table('idp_simulated_login', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_simulated_login_simulation_id'))

    op.drop_table('idp_simulated_login')
    op.drop_table('idp_client_change')
    op.drop_table('ca_ceremony_paper')
    with op.batch_alter_table('idp_simulation', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_simulation_client_id'))

    op.drop_table('idp_simulation')
    with op.batch_alter_table('admin_test_person', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_admin_test_person_institution_id'))

    op.drop_table('admin_test_person')
    with op.batch_alter_table('admin_service_role', schema=None) as batch_op:
        batch_op.drop_index('uq_admin_service_role_held', sqlite_where=sa.text('withdrawn_at IS NULL'), postgresql_where=sa.text('withdrawn_at IS NULL'))
        batch_op.drop_index(batch_op.f('ix_admin_service_role_client_id'))

    op.drop_table('admin_service_role')
    with op.batch_alter_table('admin_saved_search', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_admin_saved_search_role'))
        batch_op.drop_index(batch_op.f('ix_admin_saved_search_person_id'))
        batch_op.drop_index(batch_op.f('ix_admin_saved_search_about_id'))

    op.drop_table('admin_saved_search')
    with op.batch_alter_table('admin_go_live_request', schema=None) as batch_op:
        batch_op.drop_index('uq_admin_go_live_request_open', sqlite_where=sa.text('decided_at IS NULL'), postgresql_where=sa.text('decided_at IS NULL'))
        batch_op.drop_index(batch_op.f('ix_admin_go_live_request_client_id'))

    op.drop_table('admin_go_live_request')
    op.drop_table('admin_certificate_count')
    op.drop_table('admin_application_count')
    op.drop_table('admin_application_contact_check')
    with op.batch_alter_table('admin_application_change', schema=None) as batch_op:
        batch_op.drop_index('uq_admin_application_change_open', sqlite_where=sa.text('decided_at IS NULL'), postgresql_where=sa.text('decided_at IS NULL'))
        batch_op.drop_index(batch_op.f('ix_admin_application_change_client_id'))

    op.drop_table('admin_application_change')
    with op.batch_alter_table('admin_api_answer', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_admin_api_answer_claimed_at'))

    op.drop_table('admin_api_answer')
