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
    op.create_table('audit_cosignature',
    sa.Column('origin', sa.String(length=255), nullable=False),
    sa.Column('size', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('signer', sa.String(length=255), nullable=False),
    sa.Column('line', sa.Text(), nullable=False),
    sa.Column('stored_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('origin', 'size', 'signer', name=op.f('pk_audit_cosignature'))
    )
    op.create_table('audit_shard',
    sa.Column('year', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('first', sa.BigInteger(), nullable=False),
    sa.Column('stop', sa.BigInteger(), nullable=False),
    sa.Column('archive_sha256', sa.String(length=64), nullable=False),
    sa.Column('archived_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('pruned_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('year', name=op.f('pk_audit_shard'))
    )
    op.create_table('audit_witness',
    sa.Column('origin', sa.String(length=255), nullable=False),
    sa.Column('witness', sa.String(length=255), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('cosigned_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('problem', sa.String(length=64), nullable=True),
    sa.Column('problem_since', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('origin', 'witness', name=op.f('pk_audit_witness'))
    )
    op.create_table('schema_compatibility',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('since', sa.String(length=32), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_schema_compatibility'))
    )
    op.create_table('ca_ocsp_page',
    sa.Column('authority_id', sa.String(length=26), nullable=False),
    sa.Column('prefix', sa.String(length=2), nullable=False),
    sa.Column('signer', sa.String(length=40), nullable=False),
    sa.Column('read_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('oldest', sa.DateTime(timezone=True), nullable=True),
    sa.Column('answers', sa.Integer(), nullable=False),
    sa.Column('claimed_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('octets', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['authority_id'], ['ca_authority.id'], name=op.f('fk_ca_ocsp_page_authority_id')),
    sa.PrimaryKeyConstraint('authority_id', 'prefix', name=op.f('pk_ca_ocsp_page'))
    )
    with op.batch_alter_table('ca_acme_order', schema=None) as batch_op:
        batch_op.add_column(sa.Column('replaced_once', sa.String(length=120), nullable=True))
        batch_op.add_column(sa.Column('delivered_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index('uq_ca_acme_order_replaced_once', ['replaced_once'], unique=True, postgresql_where=sa.text("replaced_once IS NOT NULL AND status != 'invalid'"), sqlite_where=sa.text("replaced_once IS NOT NULL AND status != 'invalid'"))

    with op.batch_alter_table('ca_certificate', schema=None) as batch_op:
        batch_op.create_index('ix_ca_certificate_revoked_serial', ['authority_id', 'serial'], unique=False, sqlite_where=sa.text('revoked_at IS NOT NULL'), postgresql_where=sa.text('revoked_at IS NOT NULL'))

    with op.batch_alter_table('ca_cmp_transaction', schema=None) as batch_op:
        batch_op.add_column(sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index('ix_ca_cmp_transaction_sent', ['sent_at'], unique=False, postgresql_where=sa.text("state = 'sent'"), sqlite_where=sa.text("state = 'sent'"))



def downgrade() -> None:
    with op.batch_alter_table('ca_cmp_transaction', schema=None) as batch_op:
        batch_op.drop_index('ix_ca_cmp_transaction_sent', postgresql_where=sa.text("state = 'sent'"), sqlite_where=sa.text("state = 'sent'"))
        batch_op.drop_column('sent_at')

    with op.batch_alter_table('ca_certificate', schema=None) as batch_op:
        batch_op.drop_index('ix_ca_certificate_revoked_serial', sqlite_where=sa.text('revoked_at IS NOT NULL'), postgresql_where=sa.text('revoked_at IS NOT NULL'))

    with op.batch_alter_table('ca_acme_order', schema=None) as batch_op:
        batch_op.drop_index('uq_ca_acme_order_replaced_once', postgresql_where=sa.text("replaced_once IS NOT NULL AND status != 'invalid'"), sqlite_where=sa.text("replaced_once IS NOT NULL AND status != 'invalid'"))
        batch_op.drop_column('delivered_at')
        batch_op.drop_column('replaced_once')

    op.drop_table('ca_ocsp_page')
    op.drop_table('schema_compatibility')
    op.drop_table('audit_witness')
    op.drop_table('audit_shard')
    op.drop_table('audit_cosignature')
