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


def downgrade() -> None:
    op.drop_table('schema_compatibility')
