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
        batch_op.add_column(sa.Column('phone', sa.String(length=16), nullable=True))
        batch_op.add_column(sa.Column('phone_verified_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(batch_op.f('ix_idp_person_phone'), ['phone'], unique=False)



def downgrade() -> None:
    with op.batch_alter_table('idp_person', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_person_phone'))
        batch_op.drop_column('phone_verified_at')
        batch_op.drop_column('phone')

    with op.batch_alter_table('idp_stored_sms', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_stored_sms_person_id'))
        batch_op.drop_index(batch_op.f('ix_idp_stored_sms_created_at'))

    op.drop_table('idp_stored_sms')
