"""evidence and survival

Revision: 0004
Before it: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('schema_compatibility',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('since', sa.String(length=32), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_schema_compatibility'))
    )
    with op.batch_alter_table('ca_acme_order', schema=None) as batch_op:
        batch_op.add_column(sa.Column('replaced_once', sa.String(length=120), nullable=True))
        batch_op.add_column(sa.Column('delivered_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index('uq_ca_acme_order_replaced_once', ['replaced_once'], unique=True, postgresql_where=sa.text("replaced_once IS NOT NULL AND status != 'invalid'"), sqlite_where=sa.text("replaced_once IS NOT NULL AND status != 'invalid'"))



def downgrade() -> None:
    with op.batch_alter_table('ca_acme_order', schema=None) as batch_op:
        batch_op.drop_index('uq_ca_acme_order_replaced_once', postgresql_where=sa.text("replaced_once IS NOT NULL AND status != 'invalid'"), sqlite_where=sa.text("replaced_once IS NOT NULL AND status != 'invalid'"))
        batch_op.drop_column('delivered_at')
        batch_op.drop_column('replaced_once')

    op.drop_table('schema_compatibility')
