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


_MOSTLY_EMPTY = (
    *(("audit_event", name) for name in ("subject", "actor", "client_id", "session_id", "request_id", "object_id")),
    *(("idp_token_family", name) for name in ("x5t_s256", "session_x5t_s256")),
)


def upgrade() -> None:
    op.create_table('ca_acme_credential',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('institution_ruc', sa.String(length=13), nullable=False),
    sa.Column('domains', sa.JSON(), nullable=False),
    sa.Column('key_sealed', sa.LargeBinary(), nullable=False),
    sa.Column('accounts_left', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by', sa.String(length=64), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ca_acme_credential'))
    )
    with op.batch_alter_table('ca_acme_credential', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ca_acme_credential_created_at'), ['created_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_ca_acme_credential_institution_ruc'), ['institution_ruc'], unique=False)

    op.create_table('ca_acme_nonce_spent',
    sa.Column('nonce', sa.String(length=43), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('nonce', name=op.f('pk_ca_acme_nonce_spent'))
    )
    with op.batch_alter_table('ca_acme_nonce_spent', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ca_acme_nonce_spent_expires_at'), ['expires_at'], unique=False)

    op.create_table('ca_api_idempotency',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('body_sha256', sa.String(length=64), nullable=False),
    sa.Column('request_id', sa.String(length=26), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ca_api_idempotency'))
    )
    with op.batch_alter_table('ca_api_idempotency', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ca_api_idempotency_created_at'), ['created_at'], unique=False)

    op.create_table('ca_ceremony',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('file_sha256', sa.String(length=64), nullable=False),
    sa.Column('title', sa.String(length=200), nullable=False),
    sa.Column('rehearsal', sa.Boolean(), nullable=False),
    sa.Column('minutes_sha256', sa.String(length=64), nullable=False),
    sa.Column('held_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ca_ceremony'))
    )
    with op.batch_alter_table('ca_ceremony', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ca_ceremony_file_sha256'), ['file_sha256'], unique=False)

    op.create_table('ca_enrolment_credential',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('protocol', sa.String(length=8), nullable=False),
    sa.Column('secret_sha256', sa.String(length=64), nullable=False),
    sa.Column('secret_sealed', sa.LargeBinary(), nullable=True),
    sa.Column('institution_ruc', sa.String(length=13), nullable=False),
    sa.Column('profile', sa.String(length=64), nullable=False),
    sa.Column('names', sa.JSON(), nullable=False),
    sa.Column('inputs', sa.JSON(), nullable=False),
    sa.Column('uses_left', sa.Integer(), nullable=False),
    sa.Column('created_by', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ca_enrolment_credential'))
    )
    with op.batch_alter_table('ca_enrolment_credential', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ca_enrolment_credential_institution_ruc'), ['institution_ruc'], unique=False)

    op.create_table('ca_handover',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('status', sa.String(length=10), nullable=False),
    sa.Column('request_id', sa.String(length=26), nullable=False),
    sa.Column('spki_sha256', sa.String(length=64), nullable=False),
    sa.Column('profile', sa.String(length=64), nullable=False),
    sa.Column('serial', sa.String(length=40), nullable=True),
    sa.Column('holder_id', sa.String(length=26), nullable=True),
    sa.Column('cedula', sa.String(length=10), nullable=False),
    sa.Column('email', sa.String(length=254), nullable=True),
    sa.Column('prepared_by', sa.String(length=64), nullable=False),
    sa.Column('sealed_key', sa.LargeBinary(), nullable=True),
    sa.Column('sealed_file', sa.LargeBinary(), nullable=True),
    sa.Column('link_sha256', sa.String(length=64), nullable=True),
    sa.Column('code_sha256', sa.String(length=64), nullable=True),
    sa.Column('download_sha256', sa.String(length=64), nullable=True),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('offered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('end_reason', sa.String(length=32), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ca_handover')),
    sa.UniqueConstraint('link_sha256', name=op.f('uq_ca_handover_link_sha256')),
    sa.UniqueConstraint('spki_sha256', name=op.f('uq_ca_handover_spki_sha256'))
    )
    with op.batch_alter_table('ca_handover', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ca_handover_created_at'), ['created_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_ca_handover_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_ca_handover_holder_id'), ['holder_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_ca_handover_request_id'), ['request_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_ca_handover_serial'), ['serial'], unique=False)
        batch_op.create_index(batch_op.f('ix_ca_handover_status'), ['status'], unique=False)

    op.create_table('ca_log_checkpoint',
    sa.Column('size', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('root', sa.LargeBinary(), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('signed_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('size', name=op.f('pk_ca_log_checkpoint'))
    )
    op.create_table('ca_log_entry',
    sa.Column('id', sa.String(length=40), nullable=False),
    sa.Column('kind', sa.String(length=12), nullable=False),
    sa.Column('commitment', sa.String(length=64), nullable=False),
    sa.Column('occurred_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('leaf', sa.LargeBinary(), nullable=False),
    sa.Column('log_index', sa.BigInteger(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ca_log_entry')),
    sa.UniqueConstraint('commitment', name=op.f('uq_ca_log_entry_commitment')),
    sa.UniqueConstraint('log_index', name=op.f('uq_ca_log_entry_log_index'))
    )
    with op.batch_alter_table('ca_log_entry', schema=None) as batch_op:
        batch_op.create_index('ix_ca_log_entry_unsequenced', ['occurred_at', 'id'], unique=False, postgresql_where=sa.text('log_index IS NULL'), sqlite_where=sa.text('log_index IS NULL'))

    op.create_table('ca_log_head',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('origin', sa.String(length=255), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('root', sa.LargeBinary(), nullable=False),
    sa.Column('sequenced_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('fence', sa.BigInteger(), nullable=False),
    sa.Column('holder', sa.String(length=26), nullable=True),
    sa.Column('leased_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('began_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ca_log_head'))
    )
    op.create_table('ca_log_tile',
    sa.Column('level', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('number', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('hashes', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('level', 'number', name=op.f('pk_ca_log_tile'))
    )
    op.create_table('ca_mass_revocation',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('institution_ruc', sa.String(length=13), nullable=True),
    sa.Column('authority', sa.String(length=40), nullable=True),
    sa.Column('profile', sa.String(length=64), nullable=True),
    sa.Column('serials', sa.JSON(), nullable=False),
    sa.Column('reason', sa.String(length=32), nullable=False),
    sa.Column('compromised_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('proposed_by', sa.String(length=64), nullable=False),
    sa.Column('proposed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by', sa.String(length=64), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('total', sa.Integer(), nullable=False),
    sa.Column('cursor', sa.String(length=40), nullable=False),
    sa.Column('revoked', sa.Integer(), nullable=False),
    sa.Column('passed_over', sa.Integer(), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ca_mass_revocation'))
    )
    with op.batch_alter_table('ca_mass_revocation', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ca_mass_revocation_state'), ['state'], unique=False)

    op.create_table('ca_public_certificate',
    sa.Column('serial', sa.String(length=40), nullable=False),
    sa.Column('log_index', sa.BigInteger(), nullable=False),
    sa.Column('ruc', sa.String(length=13), nullable=True),
    sa.Column('not_before', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('serial', name=op.f('pk_ca_public_certificate'))
    )
    with op.batch_alter_table('ca_public_certificate', schema=None) as batch_op:
        batch_op.create_index('ix_ca_public_certificate_ruc', ['ruc', sa.literal_column('not_before DESC'), 'serial'], unique=False)

    op.create_table('ca_public_institution',
    sa.Column('ruc', sa.String(length=13), nullable=False),
    sa.Column('folded', sa.String(length=200), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.PrimaryKeyConstraint('ruc', 'folded', name=op.f('pk_ca_public_institution'))
    )
    op.create_table('ca_public_name',
    sa.Column('name', sa.String(length=255).with_variant(sa.String(length=255, collation='C'), 'postgresql'), nullable=False),
    sa.Column('serial', sa.String(length=40), nullable=False),
    sa.Column('not_before', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('name', 'serial', name=op.f('pk_ca_public_name'))
    )
    with op.batch_alter_table('ca_public_name', schema=None) as batch_op:
        batch_op.create_index('ix_ca_public_name_newest', ['name', sa.literal_column('not_before DESC'), 'serial'], unique=False)

    op.create_table('ca_unit_signer',
    sa.Column('serial', sa.String(length=40), nullable=False),
    sa.Column('unit', sa.String(length=16), nullable=False),
    sa.Column('generation', sa.Integer(), nullable=False),
    sa.Column('key_name', sa.String(length=80), nullable=False),
    sa.Column('not_before', sa.DateTime(timezone=True), nullable=False),
    sa.Column('signs_until', sa.DateTime(timezone=True), nullable=False),
    sa.Column('certificate_der', sa.LargeBinary(), nullable=True),
    sa.Column('last_stamp_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('serial', name=op.f('pk_ca_unit_signer')),
    sa.UniqueConstraint('unit', 'generation', name=op.f('uq_ca_unit_signer_unit_generation'))
    )
    with op.batch_alter_table('ca_unit_signer', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ca_unit_signer_signs_until'), ['signs_until'], unique=False)

    op.create_table('ca_acme_account',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('credential_id', sa.String(length=26), nullable=False),
    sa.Column('status', sa.String(length=11), nullable=False),
    sa.Column('jwk', sa.JSON(), nullable=False),
    sa.Column('thumbprint', sa.String(length=43), nullable=False),
    sa.Column('spki_sha256', sa.String(length=64), nullable=False),
    sa.Column('contacts', sa.JSON(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['credential_id'], ['ca_acme_credential.id'], name=op.f('fk_ca_acme_account_credential_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ca_acme_account')),
    sa.UniqueConstraint('thumbprint', name=op.f('uq_ca_acme_account_thumbprint'))
    )
    with op.batch_alter_table('ca_acme_account', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ca_acme_account_credential_id'), ['credential_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_ca_acme_account_spki_sha256'), ['spki_sha256'], unique=False)

    op.create_table('ca_batch',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('content_sha256', sa.String(length=64), nullable=False),
    sa.Column('file_name', sa.String(length=200), nullable=False),
    sa.Column('profile', sa.String(length=64), nullable=False),
    sa.Column('profile_version', sa.Integer(), nullable=False),
    sa.Column('authority_id', sa.String(length=26), nullable=False),
    sa.Column('institution_ruc', sa.String(length=13), nullable=True),
    sa.Column('requested_by', sa.String(length=64), nullable=False),
    sa.Column('status', sa.String(length=10), nullable=False),
    sa.Column('row_count', sa.Integer(), nullable=False),
    sa.Column('proposal_sha256', sa.String(length=64), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by', sa.String(length=64), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('refusal_reason', sa.String(length=500), nullable=True),
    sa.Column('completed_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['authority_id'], ['ca_authority.id'], name=op.f('fk_ca_batch_authority_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ca_batch'))
    )
    with op.batch_alter_table('ca_batch', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ca_batch_content_sha256'), ['content_sha256'], unique=False)
        batch_op.create_index(batch_op.f('ix_ca_batch_created_at'), ['created_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_ca_batch_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_ca_batch_institution_ruc'), ['institution_ruc'], unique=False)
        batch_op.create_index(batch_op.f('ix_ca_batch_status'), ['status'], unique=False)
        batch_op.create_index('uq_ca_batch_open_content', ['content_sha256'], unique=True, postgresql_where=sa.text("status IN ('preparing', 'proposed', 'approved')"), sqlite_where=sa.text("status IN ('preparing', 'proposed', 'approved')"))

    op.create_table('ca_profile_authority',
    sa.Column('profile', sa.String(length=64), nullable=False),
    sa.Column('authority_id', sa.String(length=26), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['authority_id'], ['ca_authority.id'], name=op.f('fk_ca_profile_authority_authority_id')),
    sa.PrimaryKeyConstraint('profile', name=op.f('pk_ca_profile_authority'))
    )
    op.create_table('ca_acme_order',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('account_id', sa.String(length=26), nullable=False),
    sa.Column('status', sa.String(length=10), nullable=False),
    sa.Column('profile', sa.String(length=64), nullable=False),
    sa.Column('profile_named', sa.Boolean(), nullable=False),
    sa.Column('names', sa.JSON(), nullable=False),
    sa.Column('replaces', sa.String(length=120), nullable=True),
    sa.Column('problem', sa.JSON(), nullable=True),
    sa.Column('request_id', sa.String(length=26), nullable=True),
    sa.Column('serial', sa.String(length=40), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['ca_acme_account.id'], name=op.f('fk_ca_acme_order_account_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ca_acme_order'))
    )
    with op.batch_alter_table('ca_acme_order', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ca_acme_order_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index('ix_ca_acme_order_open', ['account_id', 'status'], unique=False)
        batch_op.create_index(batch_op.f('ix_ca_acme_order_replaces'), ['replaces'], unique=False)
        batch_op.create_index(batch_op.f('ix_ca_acme_order_serial'), ['serial'], unique=False)

    op.create_table('ca_batch_approval',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('batch_id', sa.String(length=26), nullable=False),
    sa.Column('approver', sa.String(length=64), nullable=False),
    sa.Column('proposal_sha256', sa.String(length=64), nullable=False),
    sa.Column('approved_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['batch_id'], ['ca_batch.id'], name=op.f('fk_ca_batch_approval_batch_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ca_batch_approval')),
    sa.UniqueConstraint('batch_id', 'approver', 'proposal_sha256', name=op.f('uq_ca_batch_approval_batch_id_approver_proposal_sha256'))
    )
    with op.batch_alter_table('ca_batch_approval', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ca_batch_approval_batch_id'), ['batch_id'], unique=False)

    op.create_table('ca_batch_chunk',
    sa.Column('batch_id', sa.String(length=26), nullable=False),
    sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('ready', sa.Integer(), nullable=False),
    sa.Column('refused', sa.Integer(), nullable=False),
    sa.Column('tbs_sha256', sa.String(length=64), nullable=False),
    sa.ForeignKeyConstraint(['batch_id'], ['ca_batch.id'], name=op.f('fk_ca_batch_chunk_batch_id')),
    sa.PrimaryKeyConstraint('batch_id', 'number', name=op.f('pk_ca_batch_chunk'))
    )
    op.create_table('ca_batch_row',
    sa.Column('batch_id', sa.String(length=26), nullable=False),
    sa.Column('line', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('chunk', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('institution_ruc', sa.String(length=13), nullable=True),
    sa.Column('holder_id', sa.String(length=26), nullable=True),
    sa.Column('inputs', sa.JSON(), nullable=False),
    sa.Column('spki_sha256', sa.String(length=64), nullable=True),
    sa.Column('serial', sa.String(length=40), nullable=True),
    sa.Column('subject', sa.String(length=1000), nullable=False),
    sa.Column('tbs_der', sa.LargeBinary(), nullable=True),
    sa.Column('refused_for', sa.String(length=64), nullable=True),
    sa.Column('reason', sa.String(length=500), nullable=True),
    sa.ForeignKeyConstraint(['batch_id'], ['ca_batch.id'], name=op.f('fk_ca_batch_row_batch_id')),
    sa.PrimaryKeyConstraint('batch_id', 'line', name=op.f('pk_ca_batch_row')),
    sa.UniqueConstraint('batch_id', 'spki_sha256', name=op.f('uq_ca_batch_row_batch_id_spki_sha256'))
    )
    with op.batch_alter_table('ca_batch_row', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ca_batch_row_serial'), ['serial'], unique=False)

    op.create_table('ca_cmp_transaction',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('sender', sa.String(length=64), nullable=False),
    sa.Column('request_type', sa.String(length=8), nullable=False),
    sa.Column('request_id', sa.String(length=26), nullable=True),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('nonce', sa.String(length=64), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['request_id'], ['ca_request.id'], name=op.f('fk_ca_cmp_transaction_request_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ca_cmp_transaction'))
    )
    with op.batch_alter_table('ca_cmp_transaction', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ca_cmp_transaction_created_at'), ['created_at'], unique=False)

    op.create_table('ca_expiry_notice',
    sa.Column('serial', sa.String(length=40), nullable=False),
    sa.Column('days', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('outcome', sa.String(length=8), nullable=False),
    sa.Column('announced_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['serial'], ['ca_certificate.serial'], name=op.f('fk_ca_expiry_notice_serial')),
    sa.PrimaryKeyConstraint('serial', 'days', name=op.f('pk_ca_expiry_notice'))
    )
    op.create_table('ca_acme_authorization',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('order_id', sa.String(length=26), nullable=False),
    sa.Column('account_id', sa.String(length=26), nullable=False),
    sa.Column('name', sa.String(length=253), nullable=False),
    sa.Column('wildcard', sa.Boolean(), nullable=False),
    sa.Column('status', sa.String(length=11), nullable=False),
    sa.Column('challenge', sa.String(length=43), nullable=False),
    sa.Column('tried', sa.String(length=11), nullable=True),
    sa.Column('tried_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('thumbprint', sa.String(length=43), nullable=True),
    sa.Column('validated_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('problem', sa.JSON(), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['order_id'], ['ca_acme_order.id'], name=op.f('fk_ca_acme_authorization_order_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ca_acme_authorization'))
    )
    with op.batch_alter_table('ca_acme_authorization', schema=None) as batch_op:
        batch_op.create_index('ix_ca_acme_authorization_failed', ['account_id', 'name', 'tried_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_ca_acme_authorization_order_id'), ['order_id'], unique=False)

    with op.batch_alter_table('audit_head', schema=None) as batch_op:
        batch_op.add_column(sa.Column('began_at', sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table('ca_authority', schema=None) as batch_op:
        batch_op.add_column(sa.Column('crl_shards', sa.Integer(), server_default='1', nullable=False))
        batch_op.add_column(sa.Column('delta_lists', sa.Boolean(), server_default=sa.text('(false)'), nullable=False))

    with op.batch_alter_table('ca_certificate', schema=None) as batch_op:
        batch_op.add_column(sa.Column('crl_revision', sa.Integer(), nullable=True))
        batch_op.drop_index(batch_op.f('ix_ca_certificate_institution_ruc'))
        batch_op.create_index('ix_ca_certificate_institution_ruc', ['institution_ruc', 'subject'], unique=False)
        batch_op.create_index(batch_op.f('ix_ca_certificate_issued_at'), ['issued_at'], unique=False)
        batch_op.create_index('ix_ca_certificate_listed', ['authority_id', 'crl_shard', 'revoked_at', 'serial', 'revocation_reason', 'compromised_at', 'not_after', 'crl_revision'], unique=False, sqlite_where=sa.text('revoked_at IS NOT NULL'), postgresql_where=sa.text('revoked_at IS NOT NULL'))

    with op.batch_alter_table('ca_crl', schema=None) as batch_op:
        batch_op.add_column(sa.Column('expired_since', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('delta_base', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('delta_next_update', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('delta_der', sa.LargeBinary(), nullable=True))

    with op.batch_alter_table('ca_request', schema=None) as batch_op:
        batch_op.add_column(sa.Column('proved_names', sa.JSON(), server_default='[]', nullable=False))

    with op.batch_alter_table('idp_institution', schema=None) as batch_op:
        batch_op.add_column(sa.Column('networks', sa.JSON(), server_default='[]', nullable=False))
        batch_op.add_column(sa.Column('contact_email', sa.String(length=254), nullable=True))

    # What an event does not name costs no index anything; rows that change once have room beside them.
    for table, column in _MOSTLY_EMPTY:
        op.drop_index(f"ix_{table}_{column}", table_name=table)
        given = sa.text(f"{column} IS NOT NULL")
        op.create_index(f"ix_{table}_{column}", table, [column], postgresql_where=given, sqlite_where=given)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE idp_authorization_code SET (fillfactor = 60)")
        op.execute("ALTER TABLE idp_refresh_token SET (fillfactor = 60)")


def downgrade() -> None:
    with op.batch_alter_table('idp_institution', schema=None) as batch_op:
        batch_op.drop_column('contact_email')
        batch_op.drop_column('networks')

    with op.batch_alter_table('ca_request', schema=None) as batch_op:
        batch_op.drop_column('proved_names')

    with op.batch_alter_table('ca_crl', schema=None) as batch_op:
        batch_op.drop_column('delta_der')
        batch_op.drop_column('delta_next_update')
        batch_op.drop_column('delta_base')
        batch_op.drop_column('expired_since')

    with op.batch_alter_table('ca_certificate', schema=None) as batch_op:
        batch_op.drop_index('ix_ca_certificate_listed', sqlite_where=sa.text('revoked_at IS NOT NULL'), postgresql_where=sa.text('revoked_at IS NOT NULL'))
        batch_op.drop_index(batch_op.f('ix_ca_certificate_issued_at'))
        batch_op.drop_index('ix_ca_certificate_institution_ruc')
        batch_op.create_index(batch_op.f('ix_ca_certificate_institution_ruc'), ['institution_ruc'], unique=False)
        batch_op.drop_column('crl_revision')

    with op.batch_alter_table('ca_authority', schema=None) as batch_op:
        batch_op.drop_column('delta_lists')
        batch_op.drop_column('crl_shards')

    with op.batch_alter_table('audit_head', schema=None) as batch_op:
        batch_op.drop_column('began_at')

    with op.batch_alter_table('ca_acme_authorization', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_ca_acme_authorization_order_id'))
        batch_op.drop_index('ix_ca_acme_authorization_failed')

    op.drop_table('ca_acme_authorization')
    op.drop_table('ca_expiry_notice')
    with op.batch_alter_table('ca_cmp_transaction', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_ca_cmp_transaction_created_at'))

    op.drop_table('ca_cmp_transaction')
    with op.batch_alter_table('ca_batch_row', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_ca_batch_row_serial'))

    op.drop_table('ca_batch_row')
    op.drop_table('ca_batch_chunk')
    with op.batch_alter_table('ca_batch_approval', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_ca_batch_approval_batch_id'))

    op.drop_table('ca_batch_approval')
    with op.batch_alter_table('ca_acme_order', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_ca_acme_order_serial'))
        batch_op.drop_index(batch_op.f('ix_ca_acme_order_replaces'))
        batch_op.drop_index('ix_ca_acme_order_open')
        batch_op.drop_index(batch_op.f('ix_ca_acme_order_expires_at'))

    op.drop_table('ca_acme_order')
    op.drop_table('ca_profile_authority')
    with op.batch_alter_table('ca_batch', schema=None) as batch_op:
        batch_op.drop_index('uq_ca_batch_open_content', postgresql_where=sa.text("status IN ('preparing', 'proposed', 'approved')"), sqlite_where=sa.text("status IN ('preparing', 'proposed', 'approved')"))
        batch_op.drop_index(batch_op.f('ix_ca_batch_status'))
        batch_op.drop_index(batch_op.f('ix_ca_batch_institution_ruc'))
        batch_op.drop_index(batch_op.f('ix_ca_batch_expires_at'))
        batch_op.drop_index(batch_op.f('ix_ca_batch_created_at'))
        batch_op.drop_index(batch_op.f('ix_ca_batch_content_sha256'))

    op.drop_table('ca_batch')
    with op.batch_alter_table('ca_acme_account', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_ca_acme_account_spki_sha256'))
        batch_op.drop_index(batch_op.f('ix_ca_acme_account_credential_id'))

    op.drop_table('ca_acme_account')
    with op.batch_alter_table('ca_unit_signer', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_ca_unit_signer_signs_until'))

    op.drop_table('ca_unit_signer')
    with op.batch_alter_table('ca_public_name', schema=None) as batch_op:
        batch_op.drop_index('ix_ca_public_name_newest')

    op.drop_table('ca_public_name')
    op.drop_table('ca_public_institution')
    with op.batch_alter_table('ca_public_certificate', schema=None) as batch_op:
        batch_op.drop_index('ix_ca_public_certificate_ruc')

    op.drop_table('ca_public_certificate')
    with op.batch_alter_table('ca_mass_revocation', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_ca_mass_revocation_state'))

    op.drop_table('ca_mass_revocation')
    op.drop_table('ca_log_tile')
    op.drop_table('ca_log_head')
    with op.batch_alter_table('ca_log_entry', schema=None) as batch_op:
        batch_op.drop_index('ix_ca_log_entry_unsequenced', postgresql_where=sa.text('log_index IS NULL'), sqlite_where=sa.text('log_index IS NULL'))

    op.drop_table('ca_log_entry')
    op.drop_table('ca_log_checkpoint')
    with op.batch_alter_table('ca_handover', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_ca_handover_status'))
        batch_op.drop_index(batch_op.f('ix_ca_handover_serial'))
        batch_op.drop_index(batch_op.f('ix_ca_handover_request_id'))
        batch_op.drop_index(batch_op.f('ix_ca_handover_holder_id'))
        batch_op.drop_index(batch_op.f('ix_ca_handover_expires_at'))
        batch_op.drop_index(batch_op.f('ix_ca_handover_created_at'))

    op.drop_table('ca_handover')
    with op.batch_alter_table('ca_enrolment_credential', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_ca_enrolment_credential_institution_ruc'))

    op.drop_table('ca_enrolment_credential')
    with op.batch_alter_table('ca_ceremony', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_ca_ceremony_file_sha256'))

    op.drop_table('ca_ceremony')
    with op.batch_alter_table('ca_api_idempotency', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_ca_api_idempotency_created_at'))

    op.drop_table('ca_api_idempotency')
    with op.batch_alter_table('ca_acme_nonce_spent', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_ca_acme_nonce_spent_expires_at'))

    op.drop_table('ca_acme_nonce_spent')
    with op.batch_alter_table('ca_acme_credential', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_ca_acme_credential_institution_ruc'))
        batch_op.drop_index(batch_op.f('ix_ca_acme_credential_created_at'))

    op.drop_table('ca_acme_credential')

    for table, column in _MOSTLY_EMPTY:
        op.drop_index(f"ix_{table}_{column}", table_name=table)
        op.create_index(f"ix_{table}_{column}", table, [column])
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE idp_authorization_code RESET (fillfactor)")
        op.execute("ALTER TABLE idp_refresh_token RESET (fillfactor)")
