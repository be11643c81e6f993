"""people complete

Revision: 0006
Before it: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('admin_hour_count',
    sa.Column('hour', sa.DateTime(timezone=True), nullable=False),
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('amount', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('hour', 'name', name=op.f('pk_admin_hour_count'))
    )
    op.create_table('idp_group_role',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('source_id', sa.String(length=26), nullable=False),
    sa.Column('group_name', sa.String(length=500), nullable=False),
    sa.Column('role_id', sa.String(length=26), nullable=False),
    sa.Column('created_by', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_group_role')),
    sa.UniqueConstraint('source_id', 'group_name', 'role_id', name=op.f('uq_idp_group_role_source_id_group_name_role_id'))
    )
    with op.batch_alter_table('idp_group_role', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_group_role_role_id'), ['role_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_group_role_source_id'), ['source_id'], unique=False)

    op.create_table('idp_phone_recovery',
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ready_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('person_id', name=op.f('pk_idp_phone_recovery')),
    sa.UniqueConstraint('id', name=op.f('uq_idp_phone_recovery_id'))
    )
    with op.batch_alter_table('idp_phone_recovery', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_phone_recovery_expires_at'), ['expires_at'], unique=False)

    op.create_table('idp_upstream_health',
    sa.Column('provider_id', sa.String(length=26), nullable=False),
    sa.Column('reason', sa.String(length=64), nullable=True),
    sa.Column('failing_since', sa.DateTime(timezone=True), nullable=True),
    sa.Column('milliseconds', sa.Integer(), nullable=False),
    sa.Column('checked_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('provider_id', name=op.f('pk_idp_upstream_health'))
    )
    op.create_table('idp_ussd_dialogue',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('request_id', sa.String(length=26), nullable=False),
    sa.Column('step', sa.String(length=8), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_ussd_dialogue'))
    )
    with op.batch_alter_table('idp_ussd_dialogue', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_ussd_dialogue_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_ussd_dialogue_person_id'), ['person_id'], unique=False)

    op.create_table('idp_ussd_pin',
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('pin_hmac', sa.String(length=64), nullable=False),
    sa.Column('set_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('person_id', name=op.f('pk_idp_ussd_pin'))
    )
    op.create_table('ca_certificate_hold',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('serial', sa.String(length=40), nullable=False),
    sa.Column('authority_id', sa.String(length=26), nullable=False),
    sa.Column('crl_shard', sa.Integer(), nullable=False),
    sa.Column('held_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('held_by', sa.String(length=64), nullable=False),
    sa.Column('held_as', sa.String(length=12), nullable=False),
    sa.Column('release_asked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('release_asked_by', sa.String(length=64), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_by', sa.String(length=64), nullable=True),
    sa.Column('ending', sa.String(length=8), nullable=True),
    sa.Column('release_revision', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['authority_id'], ['ca_authority.id'], name=op.f('fk_ca_certificate_hold_authority_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ca_certificate_hold'))
    )
    with op.batch_alter_table('ca_certificate_hold', schema=None) as batch_op:
        batch_op.create_index('ix_ca_certificate_hold_released', ['authority_id', 'crl_shard', 'release_revision'], unique=False)
        batch_op.create_index(batch_op.f('ix_ca_certificate_hold_serial'), ['serial'], unique=False)
        batch_op.create_index('uq_ca_certificate_hold_open', ['serial'], unique=True, sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))

    with op.batch_alter_table('idp_client', schema=None) as batch_op:
        batch_op.add_column(sa.Column('decided', sa.JSON(none_as_null=True), nullable=True))

    with op.batch_alter_table('idp_ldap_directory', schema=None) as batch_op:
        batch_op.add_column(sa.Column('nested_groups', sa.Integer(), server_default='0', nullable=False))

    with op.batch_alter_table('idp_password_reset', schema=None) as batch_op:
        batch_op.add_column(sa.Column('channel', sa.String(length=8), server_default='email', nullable=False))
        batch_op.add_column(sa.Column('known_device', sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column('wait_id', sa.String(length=26), nullable=True))

    with op.batch_alter_table('idp_rectification', schema=None) as batch_op:
        batch_op.add_column(sa.Column('number', sa.String(length=9), nullable=True))
        batch_op.add_column(sa.Column('datum', sa.String(length=16), server_default='given_names', nullable=False))
        batch_op.add_column(sa.Column('value', sa.String(length=200), server_default='', nullable=False))
        batch_op.create_unique_constraint(batch_op.f('uq_idp_rectification_number'), ['number'])

    with op.batch_alter_table('idp_role_assignment', schema=None) as batch_op:
        batch_op.add_column(sa.Column('source_id', sa.String(length=26), nullable=True))
        batch_op.add_column(sa.Column('kept_until', sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(batch_op.f('ix_idp_role_assignment_source_id'), ['source_id'], unique=False)

    with op.batch_alter_table('idp_sign_up', schema=None) as batch_op:
        batch_op.add_column(sa.Column('phone', sa.String(length=16), nullable=True))

    with op.batch_alter_table('idp_upstream_provider', schema=None) as batch_op:
        batch_op.add_column(sa.Column('groups_claim', sa.String(length=100), nullable=True))
        batch_op.add_column(sa.Column('logs_out_there', sa.Boolean(), server_default=sa.text('(false)'), nullable=False))

    with op.batch_alter_table('idp_upstream_session', schema=None) as batch_op:
        batch_op.add_column(sa.Column('sealed_id_token', sa.LargeBinary(), nullable=True))



def downgrade() -> None:
    with op.batch_alter_table('idp_upstream_session', schema=None) as batch_op:
        batch_op.drop_column('sealed_id_token')

    with op.batch_alter_table('idp_upstream_provider', schema=None) as batch_op:
        batch_op.drop_column('logs_out_there')
        batch_op.drop_column('groups_claim')

    with op.batch_alter_table('idp_sign_up', schema=None) as batch_op:
        batch_op.drop_column('phone')

    with op.batch_alter_table('idp_role_assignment', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_role_assignment_source_id'))
        batch_op.drop_column('kept_until')
        batch_op.drop_column('source_id')

    with op.batch_alter_table('idp_rectification', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('uq_idp_rectification_number'), type_='unique')
        batch_op.drop_column('value')
        batch_op.drop_column('datum')
        batch_op.drop_column('number')

    with op.batch_alter_table('idp_password_reset', schema=None) as batch_op:
        batch_op.drop_column('wait_id')
        batch_op.drop_column('known_device')
        batch_op.drop_column('channel')

    with op.batch_alter_table('idp_ldap_directory', schema=None) as batch_op:
        batch_op.drop_column('nested_groups')

    with op.batch_alter_table('idp_client', schema=None) as batch_op:
        batch_op.drop_column('decided')

    with op.batch_alter_table('ca_certificate_hold', schema=None) as batch_op:
        batch_op.drop_index('uq_ca_certificate_hold_open', sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))
        batch_op.drop_index(batch_op.f('ix_ca_certificate_hold_serial'))
        batch_op.drop_index('ix_ca_certificate_hold_released')

    op.drop_table('ca_certificate_hold')
    op.drop_table('idp_ussd_pin')
    with op.batch_alter_table('idp_ussd_dialogue', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_ussd_dialogue_person_id'))
        batch_op.drop_index(batch_op.f('ix_idp_ussd_dialogue_expires_at'))

    op.drop_table('idp_ussd_dialogue')
    op.drop_table('idp_upstream_health')
    with op.batch_alter_table('idp_phone_recovery', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_phone_recovery_expires_at'))

    op.drop_table('idp_phone_recovery')
    with op.batch_alter_table('idp_group_role', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_group_role_source_id'))
        batch_op.drop_index(batch_op.f('ix_idp_group_role_role_id'))

    op.drop_table('idp_group_role')
    op.drop_table('admin_hour_count')
