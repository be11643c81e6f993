"""people and rights

Revision: 0005
Before it: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('admin_person_case',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('operator_id', sa.String(length=26), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('begun_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_admin_person_case'))
    )
    with op.batch_alter_table('admin_person_case', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_admin_person_case_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_admin_person_case_person_id'), ['person_id'], unique=False)

    op.create_table('idp_desk',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('institution_ruc', sa.String(length=13), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('city', sa.String(length=80), nullable=False),
    sa.Column('address', sa.String(length=200), nullable=False),
    sa.Column('hours', sa.String(length=120), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('removed_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_desk'))
    )
    with op.batch_alter_table('idp_desk', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_desk_institution_ruc'), ['institution_ruc'], unique=False)

    op.create_table('idp_identity_check',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('officer_id', sa.String(length=26), nullable=False),
    sa.Column('desk_id', sa.String(length=26), nullable=False),
    sa.Column('document', sa.String(length=16), nullable=False),
    sa.Column('method', sa.String(length=16), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by', sa.String(length=26), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_identity_check'))
    )
    with op.batch_alter_table('idp_identity_check', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_identity_check_desk_id'), ['desk_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_identity_check_person_id'), ['person_id'], unique=False)
        batch_op.create_index('uq_idp_identity_check_proposed', ['person_id'], unique=True, sqlite_where=sa.text("state = 'proposed'"), postgresql_where=sa.text("state = 'proposed'"))

    op.create_table('idp_stored_sms',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('sealed', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_stored_sms'))
    )
    with op.batch_alter_table('idp_stored_sms', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_stored_sms_created_at'), ['created_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_stored_sms_person_id'), ['person_id'], unique=False)

    with op.batch_alter_table('idp_person', schema=None) as batch_op:
        batch_op.add_column(sa.Column('passport', sa.String(length=13), nullable=True))
        batch_op.add_column(sa.Column('phone', sa.String(length=16), nullable=True))
        batch_op.add_column(sa.Column('phone_verified_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(batch_op.f('ix_idp_person_phone'), ['phone'], unique=False)
        batch_op.create_unique_constraint(batch_op.f('uq_idp_person_passport'), ['passport'])

    with op.batch_alter_table('idp_sign_up', schema=None) as batch_op:
        batch_op.add_column(sa.Column('passport', sa.String(length=13), nullable=True))
        batch_op.create_index(batch_op.f('ix_idp_sign_up_passport'), ['passport'], unique=False)

    with op.batch_alter_table('idp_stored_mail', schema=None) as batch_op:
        batch_op.add_column(sa.Column('language', sa.String(length=5), server_default='es', nullable=False))



def downgrade() -> None:
    with op.batch_alter_table('idp_stored_mail', schema=None) as batch_op:
        batch_op.drop_column('language')

    with op.batch_alter_table('idp_sign_up', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_sign_up_passport'))
        batch_op.drop_column('passport')

    with op.batch_alter_table('idp_person', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('uq_idp_person_passport'), type_='unique')
        batch_op.drop_index(batch_op.f('ix_idp_person_phone'))
        batch_op.drop_column('phone_verified_at')
        batch_op.drop_column('phone')
        batch_op.drop_column('passport')

    with op.batch_alter_table('idp_stored_sms', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_stored_sms_person_id'))
        batch_op.drop_index(batch_op.f('ix_idp_stored_sms_created_at'))

    op.drop_table('idp_stored_sms')
    with op.batch_alter_table('idp_identity_check', schema=None) as batch_op:
        batch_op.drop_index('uq_idp_identity_check_proposed', sqlite_where=sa.text("state = 'proposed'"), postgresql_where=sa.text("state = 'proposed'"))
        batch_op.drop_index(batch_op.f('ix_idp_identity_check_person_id'))
        batch_op.drop_index(batch_op.f('ix_idp_identity_check_desk_id'))

    op.drop_table('idp_identity_check')
    with op.batch_alter_table('idp_desk', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_desk_institution_ruc'))

    op.drop_table('idp_desk')
    with op.batch_alter_table('admin_person_case', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_admin_person_case_person_id'))
        batch_op.drop_index(batch_op.f('ix_admin_person_case_expires_at'))

    op.drop_table('admin_person_case')
