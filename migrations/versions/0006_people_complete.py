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
    with op.batch_alter_table('idp_client', schema=None) as batch_op:
        batch_op.add_column(sa.Column('decided', sa.JSON(none_as_null=True), nullable=True))

    with op.batch_alter_table('idp_ldap_directory', schema=None) as batch_op:
        batch_op.add_column(sa.Column('nested_groups', sa.Integer(), server_default='0', nullable=False))

    with op.batch_alter_table('idp_password_reset', schema=None) as batch_op:
        batch_op.add_column(sa.Column('channel', sa.String(length=8), server_default='email', nullable=False))
        batch_op.add_column(sa.Column('known_device', sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column('wait_id', sa.String(length=26), nullable=True))

    with op.batch_alter_table('idp_role_assignment', schema=None) as batch_op:
        batch_op.add_column(sa.Column('source_id', sa.String(length=26), nullable=True))
        batch_op.add_column(sa.Column('kept_until', sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(batch_op.f('ix_idp_role_assignment_source_id'), ['source_id'], unique=False)

    with op.batch_alter_table('idp_sign_up', schema=None) as batch_op:
        batch_op.add_column(sa.Column('phone', sa.String(length=16), nullable=True))



def downgrade() -> None:
    with op.batch_alter_table('idp_sign_up', schema=None) as batch_op:
        batch_op.drop_column('phone')

    with op.batch_alter_table('idp_role_assignment', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_role_assignment_source_id'))
        batch_op.drop_column('kept_until')
        batch_op.drop_column('source_id')

    with op.batch_alter_table('idp_password_reset', schema=None) as batch_op:
        batch_op.drop_column('wait_id')
        batch_op.drop_column('known_device')
        batch_op.drop_column('channel')

    with op.batch_alter_table('idp_ldap_directory', schema=None) as batch_op:
        batch_op.drop_column('nested_groups')

    with op.batch_alter_table('idp_client', schema=None) as batch_op:
        batch_op.drop_column('decided')

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
