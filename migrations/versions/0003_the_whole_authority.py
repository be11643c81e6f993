"""the whole authority

Revision: 0003
Before it: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('audit_head', schema=None) as batch_op:
        batch_op.add_column(sa.Column('began_at', sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table('ca_request', schema=None) as batch_op:
        batch_op.add_column(sa.Column('proved_names', sa.JSON(), server_default='[]', nullable=False))



def downgrade() -> None:
    with op.batch_alter_table('ca_request', schema=None) as batch_op:
        batch_op.drop_column('proved_names')

    with op.batch_alter_table('audit_head', schema=None) as batch_op:
        batch_op.drop_column('began_at')

