"""the house

Revision: 0001
Before it: 
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('admin_console_session',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('secret_sha256', sa.String(length=64), nullable=False),
    sa.Column('sid', sa.String(length=64), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('authenticated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('acr', sa.String(length=64), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_admin_console_session')),
    sa.UniqueConstraint('secret_sha256', name=op.f('uq_admin_console_session_secret_sha256'))
    )
    with op.batch_alter_table('admin_console_session', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_admin_console_session_person_id'), ['person_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_admin_console_session_sid'), ['sid'], unique=False)

    op.create_table('admin_role_assignment',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('role', sa.String(length=32), nullable=False),
    sa.Column('institution_ruc', sa.String(length=13), nullable=True),
    sa.Column('granted_by', sa.String(length=64), nullable=False),
    sa.Column('granted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('withdrawn_by', sa.String(length=64), nullable=True),
    sa.Column('withdrawn_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_admin_role_assignment'))
    )
    with op.batch_alter_table('admin_role_assignment', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_admin_role_assignment_person_id'), ['person_id'], unique=False)
        batch_op.create_index('uq_admin_role_assignment_held', ['person_id', 'role'], unique=True, sqlite_where=sa.text('withdrawn_at IS NULL'), postgresql_where=sa.text('withdrawn_at IS NULL'))

    op.create_table('admin_sign_in_attempt',
    sa.Column('state_sha256', sa.String(length=64), nullable=False),
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('browser_sha256', sa.String(length=64), nullable=False),
    sa.Column('return_to', sa.String(length=500), nullable=False),
    sa.Column('kept', sa.JSON(), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=True),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('redeemed_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('state_sha256', name=op.f('pk_admin_sign_in_attempt')),
    sa.UniqueConstraint('id', name=op.f('uq_admin_sign_in_attempt_id'))
    )
    op.create_table('audit_checkpoint',
    sa.Column('size', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('root', sa.LargeBinary(), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('signed_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('size', name=op.f('pk_audit_checkpoint'))
    )
    op.create_table('audit_event',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('type', sa.String(length=64), nullable=False),
    sa.Column('occurred_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('outcome', sa.String(length=8), nullable=False),
    sa.Column('reason', sa.String(length=64), nullable=True),
    sa.Column('subject', sa.String(length=64), nullable=True),
    sa.Column('actor', sa.String(length=64), nullable=True),
    sa.Column('client_id', sa.String(length=64), nullable=True),
    sa.Column('session_id', sa.String(length=64), nullable=True),
    sa.Column('request_id', sa.String(length=64), nullable=True),
    sa.Column('object_id', sa.String(length=128), nullable=True),
    sa.Column('leaf', sa.LargeBinary(), nullable=False),
    sa.Column('log_index', sa.BigInteger(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_event')),
    sa.UniqueConstraint('log_index', name=op.f('uq_audit_event_log_index'))
    )
    with op.batch_alter_table('audit_event', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_audit_event_actor'), ['actor'], unique=False)
        batch_op.create_index(batch_op.f('ix_audit_event_client_id'), ['client_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_audit_event_object_id'), ['object_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_audit_event_occurred_at'), ['occurred_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_audit_event_request_id'), ['request_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_audit_event_session_id'), ['session_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_audit_event_subject'), ['subject'], unique=False)
        batch_op.create_index(batch_op.f('ix_audit_event_type'), ['type'], unique=False)
        batch_op.create_index('ix_audit_event_unsequenced', ['occurred_at', 'id'], unique=False, postgresql_where=sa.text('log_index IS NULL'), sqlite_where=sa.text('log_index IS NULL'))

    op.create_table('audit_head',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('origin', sa.String(length=255), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('root', sa.LargeBinary(), nullable=False),
    sa.Column('sequenced_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('fence', sa.BigInteger(), nullable=False),
    sa.Column('holder', sa.String(length=26), nullable=True),
    sa.Column('leased_until', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_head'))
    )
    op.create_table('audit_holder_key',
    sa.Column('holder', sa.String(length=64), nullable=False),
    sa.Column('sealed_key', sa.LargeBinary(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('destroyed_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('holder', name=op.f('pk_audit_holder_key'))
    )
    op.create_table('audit_tile',
    sa.Column('level', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('number', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('hashes', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('level', 'number', name=op.f('pk_audit_tile'))
    )
    op.create_table('ca_authority',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('key_name', sa.String(length=80), nullable=False),
    sa.Column('issuer_id', sa.String(length=26), nullable=True),
    sa.Column('certificate_der', sa.LargeBinary(), nullable=False),
    sa.Column('subject_key_identifier', sa.String(length=64), nullable=False),
    sa.Column('not_after', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['issuer_id'], ['ca_authority.id'], name=op.f('fk_ca_authority_issuer_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ca_authority')),
    sa.UniqueConstraint('name', name=op.f('uq_ca_authority_name')),
    sa.UniqueConstraint('subject_key_identifier', name=op.f('uq_ca_authority_subject_key_identifier'))
    )
    op.create_table('ca_compromised_key',
    sa.Column('spki_sha256', sa.String(length=64), nullable=False),
    sa.Column('serial', sa.String(length=40), nullable=False),
    sa.Column('compromised_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reported_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('spki_sha256', name=op.f('pk_ca_compromised_key'))
    )
    op.create_table('idp_authorization_code',
    sa.Column('code_sha256', sa.String(length=64), nullable=False),
    sa.Column('client_id', sa.String(length=64), nullable=False),
    sa.Column('redirect_uri', sa.String(length=1000), nullable=False),
    sa.Column('challenge', sa.String(length=43), nullable=False),
    sa.Column('nonce', sa.String(length=500), nullable=True),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('sid', sa.String(length=43), nullable=False),
    sa.Column('authenticated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('acr', sa.String(length=64), nullable=False),
    sa.Column('amr', sa.JSON(), nullable=False),
    sa.Column('scopes', sa.JSON(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('redeemed_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('code_sha256', name=op.f('pk_idp_authorization_code'))
    )
    with op.batch_alter_table('idp_authorization_code', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_authorization_code_expires_at'), ['expires_at'], unique=False)

    op.create_table('idp_browser_session',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('sid', sa.String(length=43), nullable=False),
    sa.Column('secret_sha256', sa.String(length=64), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('authenticated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('acr', sa.String(length=64), nullable=False),
    sa.Column('amr', sa.JSON(), nullable=False),
    sa.Column('device', sa.String(length=80), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('end_reason', sa.String(length=32), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_browser_session')),
    sa.UniqueConstraint('secret_sha256', name=op.f('uq_idp_browser_session_secret_sha256')),
    sa.UniqueConstraint('sid', name=op.f('uq_idp_browser_session_sid'))
    )
    with op.batch_alter_table('idp_browser_session', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_browser_session_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_browser_session_last_seen_at'), ['last_seen_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_browser_session_person_id'), ['person_id'], unique=False)

    op.create_table('idp_client',
    sa.Column('client_id', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('institution_id', sa.String(length=26), nullable=True),
    sa.Column('application_type', sa.String(length=8), nullable=False),
    sa.Column('redirect_uris', sa.JSON(), nullable=False),
    sa.Column('post_logout_redirect_uris', sa.JSON(), nullable=False),
    sa.Column('token_endpoint_auth_method', sa.String(length=32), nullable=False),
    sa.Column('jwks', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('id_token_signed_response_alg', sa.String(length=8), nullable=False),
    sa.Column('grant_types', sa.JSON(), nullable=False),
    sa.Column('scopes', sa.JSON(), nullable=False),
    sa.Column('optional_scopes', sa.JSON(), nullable=False),
    sa.Column('minimum_acr', sa.String(length=64), nullable=True),
    sa.Column('resource', sa.String(length=255), nullable=True),
    sa.Column('service_audience', sa.String(length=255), nullable=True),
    sa.Column('status', sa.String(length=8), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('client_id', name=op.f('pk_idp_client')),
    sa.UniqueConstraint('resource', name=op.f('uq_idp_client_resource'))
    )
    with op.batch_alter_table('idp_client', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_client_institution_id'), ['institution_id'], unique=False)

    op.create_table('idp_client_assertion_used',
    sa.Column('client_id', sa.String(length=64), nullable=False),
    sa.Column('jti_sha256', sa.String(length=64), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('client_id', 'jti_sha256', name=op.f('pk_idp_client_assertion_used'))
    )
    with op.batch_alter_table('idp_client_assertion_used', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_client_assertion_used_expires_at'), ['expires_at'], unique=False)

    op.create_table('idp_consent',
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('client_id', sa.String(length=64), nullable=False),
    sa.Column('scopes', sa.JSON(), nullable=False),
    sa.Column('offered', sa.JSON(), nullable=False),
    sa.Column('granted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('withdrawn_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('person_id', 'client_id', name=op.f('pk_idp_consent'))
    )
    op.create_table('idp_email_confirmation',
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('email', sa.String(length=254), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('person_id', name=op.f('pk_idp_email_confirmation')),
    sa.UniqueConstraint('id', name=op.f('uq_idp_email_confirmation_id'))
    )
    with op.batch_alter_table('idp_email_confirmation', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_email_confirmation_expires_at'), ['expires_at'], unique=False)

    op.create_table('idp_enrollment_link',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('token_sha256', sa.String(length=64), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('cedula', sa.String(length=10), nullable=True),
    sa.Column('given_names', sa.String(length=100), nullable=True),
    sa.Column('surnames', sa.String(length=100), nullable=True),
    sa.Column('email', sa.String(length=254), nullable=True),
    sa.Column('phc', sa.String(length=255), nullable=True),
    sa.Column('sealed_key', sa.LargeBinary(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('redeemed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('superseded_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_enrollment_link')),
    sa.UniqueConstraint('token_sha256', name=op.f('uq_idp_enrollment_link_token_sha256'))
    )
    with op.batch_alter_table('idp_enrollment_link', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_enrollment_link_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_enrollment_link_person_id'), ['person_id'], unique=False)

    op.create_table('idp_institution',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('ruc', sa.String(length=13), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('domains', sa.JSON(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_institution')),
    sa.UniqueConstraint('ruc', name=op.f('uq_idp_institution_ruc'))
    )
    op.create_table('idp_interaction',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('browser_sha256', sa.String(length=64), nullable=False),
    sa.Column('resume_path', sa.String(length=200), nullable=False),
    sa.Column('parameters', sa.JSON(), nullable=False),
    sa.Column('client_id', sa.String(length=64), nullable=True),
    sa.Column('client_name', sa.String(length=200), nullable=True),
    sa.Column('client_institution', sa.String(length=200), nullable=True),
    sa.Column('client_origin', sa.String(length=300), nullable=True),
    sa.Column('required_acr', sa.String(length=64), nullable=True),
    sa.Column('authenticated_after', sa.DateTime(timezone=True), nullable=True),
    sa.Column('login_hint', sa.String(length=254), nullable=True),
    sa.Column('locale', sa.String(length=8), nullable=True),
    sa.Column('person_id', sa.String(length=26), nullable=True),
    sa.Column('password_verified_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('refused_with', sa.String(length=32), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_interaction'))
    )
    with op.batch_alter_table('idp_interaction', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_interaction_expires_at'), ['expires_at'], unique=False)

    op.create_table('idp_known_device',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('secret_sha256', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_known_device')),
    sa.UniqueConstraint('secret_sha256', 'person_id', name=op.f('uq_idp_known_device_secret_sha256_person_id'))
    )
    with op.batch_alter_table('idp_known_device', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_known_device_last_used_at'), ['last_used_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_known_device_person_id'), ['person_id'], unique=False)

    op.create_table('idp_mail_code',
    sa.Column('journey_id', sa.String(length=26), nullable=False),
    sa.Column('code_hmac', sa.String(length=64), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('times_sent', sa.Integer(), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('journey_id', name=op.f('pk_idp_mail_code'))
    )
    with op.batch_alter_table('idp_mail_code', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_mail_code_expires_at'), ['expires_at'], unique=False)

    op.create_table('idp_password',
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('phc', sa.String(length=255), nullable=False),
    sa.Column('set_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('person_id', name=op.f('pk_idp_password'))
    )
    op.create_table('idp_password_reset',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('browser_sha256', sa.String(length=64), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=True),
    sa.Column('account_hmac', sa.String(length=64), nullable=False),
    sa.Column('interaction_id', sa.String(length=26), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('mail_code_verified_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('second_factor_verified_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_password_reset'))
    )
    with op.batch_alter_table('idp_password_reset', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_password_reset_account_hmac'), ['account_hmac'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_password_reset_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_password_reset_person_id'), ['person_id'], unique=False)

    op.create_table('idp_person',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('cedula', sa.String(length=10), nullable=True),
    sa.Column('given_names', sa.String(length=100), nullable=False),
    sa.Column('surnames', sa.String(length=100), nullable=False),
    sa.Column('email', sa.String(length=254), nullable=True),
    sa.Column('email_verified_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('locale', sa.String(length=8), nullable=False),
    sa.Column('status', sa.String(length=8), nullable=False),
    sa.Column('level', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_person')),
    sa.UniqueConstraint('cedula', name=op.f('uq_idp_person_cedula'))
    )
    with op.batch_alter_table('idp_person', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_person_email'), ['email'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_person_status'), ['status'], unique=False)

    op.create_table('idp_recovery_code',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('code_hmac', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_recovery_code'))
    )
    with op.batch_alter_table('idp_recovery_code', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_recovery_code_person_id'), ['person_id'], unique=False)

    op.create_table('idp_recovery_sheet',
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('sealed_codes', sa.LargeBinary(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('person_id', name=op.f('pk_idp_recovery_sheet'))
    )
    with op.batch_alter_table('idp_recovery_sheet', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_recovery_sheet_expires_at'), ['expires_at'], unique=False)

    op.create_table('idp_revoked_access_token',
    sa.Column('jti', sa.String(length=64), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('jti', name=op.f('pk_idp_revoked_access_token'))
    )
    with op.batch_alter_table('idp_revoked_access_token', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_revoked_access_token_expires_at'), ['expires_at'], unique=False)

    op.create_table('idp_sign_up',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('browser_sha256', sa.String(length=64), nullable=False),
    sa.Column('cedula', sa.String(length=10), nullable=False),
    sa.Column('given_names', sa.String(length=100), nullable=False),
    sa.Column('surnames', sa.String(length=100), nullable=False),
    sa.Column('email', sa.String(length=254), nullable=False),
    sa.Column('locale', sa.String(length=8), nullable=False),
    sa.Column('interaction_id', sa.String(length=26), nullable=True),
    sa.Column('decoy', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('email_verified_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_sign_up'))
    )
    with op.batch_alter_table('idp_sign_up', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_sign_up_cedula'), ['cedula'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_sign_up_expires_at'), ['expires_at'], unique=False)

    op.create_table('idp_signing_key',
    sa.Column('kid', sa.String(length=80), nullable=False),
    sa.Column('algorithm', sa.String(length=8), nullable=False),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('activated_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('retired_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('kid', name=op.f('pk_idp_signing_key'))
    )
    with op.batch_alter_table('idp_signing_key', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_signing_key_state'), ['state'], unique=False)
        batch_op.create_index('ux_idp_signing_key_active', ['algorithm'], unique=True, sqlite_where=sa.text("state = 'active'"), postgresql_where=sa.text("state = 'active'"))

    op.create_table('idp_stored_mail',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('sealed', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_stored_mail'))
    )
    with op.batch_alter_table('idp_stored_mail', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_stored_mail_created_at'), ['created_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_stored_mail_person_id'), ['person_id'], unique=False)

    op.create_table('idp_throttle',
    sa.Column('key', sa.String(length=120), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('window_ends_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_idp_throttle'))
    )
    with op.batch_alter_table('idp_throttle', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_throttle_window_ends_at'), ['window_ends_at'], unique=False)

    op.create_table('idp_token_family',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('code_sha256', sa.String(length=64), nullable=False),
    sa.Column('client_id', sa.String(length=64), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('sid', sa.String(length=43), nullable=False),
    sa.Column('scopes', sa.JSON(), nullable=False),
    sa.Column('authenticated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('acr', sa.String(length=64), nullable=False),
    sa.Column('amr', sa.JSON(), nullable=False),
    sa.Column('offline', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revoked_reason', sa.String(length=32), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_token_family')),
    sa.UniqueConstraint('code_sha256', name=op.f('uq_idp_token_family_code_sha256'))
    )
    with op.batch_alter_table('idp_token_family', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_token_family_client_id'), ['client_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_token_family_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_token_family_person_id'), ['person_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_token_family_sid'), ['sid'], unique=False)

    op.create_table('idp_totp',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('sid', sa.String(length=43), nullable=True),
    sa.Column('sealed_key', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('confirmed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_step', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_totp'))
    )
    with op.batch_alter_table('idp_totp', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_totp_person_id'), ['person_id'], unique=False)

    op.create_table('outbox_task',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('kind', sa.String(length=64), nullable=False),
    sa.Column('payload', sa.JSON(), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('leased_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_error', sa.String(length=500), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_outbox_task'))
    )
    with op.batch_alter_table('outbox_task', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_outbox_task_due_at'), ['due_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_outbox_task_kind'), ['kind'], unique=False)

    op.create_table('ca_certificate',
    sa.Column('serial', sa.String(length=40), nullable=False),
    sa.Column('authority_id', sa.String(length=26), nullable=False),
    sa.Column('request_id', sa.String(length=26), nullable=True),
    sa.Column('profile', sa.String(length=64), nullable=False),
    sa.Column('profile_version', sa.Integer(), nullable=False),
    sa.Column('subject', sa.String(length=1000), nullable=False),
    sa.Column('names', sa.JSON(), nullable=False),
    sa.Column('institution_ruc', sa.String(length=13), nullable=True),
    sa.Column('holder_id', sa.String(length=26), nullable=True),
    sa.Column('spki_sha256', sa.String(length=64), nullable=False),
    sa.Column('crl_shard', sa.Integer(), nullable=False),
    sa.Column('not_before', sa.DateTime(timezone=True), nullable=False),
    sa.Column('not_after', sa.DateTime(timezone=True), nullable=False),
    sa.Column('issued_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('tbs_der', sa.LargeBinary(), nullable=False),
    sa.Column('certificate_der', sa.LargeBinary(), nullable=True),
    sa.Column('certificate_sha256', sa.String(length=64), nullable=True),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revocation_reason', sa.String(length=32), nullable=True),
    sa.Column('compromised_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['authority_id'], ['ca_authority.id'], name=op.f('fk_ca_certificate_authority_id')),
    sa.PrimaryKeyConstraint('serial', name=op.f('pk_ca_certificate'))
    )
    with op.batch_alter_table('ca_certificate', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ca_certificate_authority_id'), ['authority_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_ca_certificate_certificate_sha256'), ['certificate_sha256'], unique=False)
        batch_op.create_index(batch_op.f('ix_ca_certificate_holder_id'), ['holder_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_ca_certificate_institution_ruc'), ['institution_ruc'], unique=False)
        batch_op.create_index(batch_op.f('ix_ca_certificate_not_after'), ['not_after'], unique=False)
        batch_op.create_index(batch_op.f('ix_ca_certificate_request_id'), ['request_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_ca_certificate_revoked_at'), ['revoked_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_ca_certificate_spki_sha256'), ['spki_sha256'], unique=False)

    op.create_table('ca_crl',
    sa.Column('authority_id', sa.String(length=26), nullable=False),
    sa.Column('shard', sa.Integer(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('scheduled', sa.Boolean(), nullable=False),
    sa.Column('this_update', sa.DateTime(timezone=True), nullable=False),
    sa.Column('next_update', sa.DateTime(timezone=True), nullable=False),
    sa.Column('entries', sa.Integer(), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('der', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['authority_id'], ['ca_authority.id'], name=op.f('fk_ca_crl_authority_id')),
    sa.PrimaryKeyConstraint('authority_id', 'shard', 'number', name=op.f('pk_ca_crl'))
    )
    with op.batch_alter_table('ca_crl', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ca_crl_next_update'), ['next_update'], unique=False)

    op.create_table('ca_crl_series',
    sa.Column('authority_id', sa.String(length=26), nullable=False),
    sa.Column('shard', sa.Integer(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('last_number', sa.Integer(), nullable=False),
    sa.Column('published_number', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['authority_id'], ['ca_authority.id'], name=op.f('fk_ca_crl_series_authority_id')),
    sa.PrimaryKeyConstraint('authority_id', 'shard', name=op.f('pk_ca_crl_series'))
    )
    op.create_table('ca_ocsp_signer',
    sa.Column('serial', sa.String(length=40), nullable=False),
    sa.Column('authority_id', sa.String(length=26), nullable=False),
    sa.Column('generation', sa.Integer(), nullable=False),
    sa.Column('key_name', sa.String(length=80), nullable=False),
    sa.Column('not_before', sa.DateTime(timezone=True), nullable=False),
    sa.Column('not_after', sa.DateTime(timezone=True), nullable=False),
    sa.Column('certificate_der', sa.LargeBinary(), nullable=True),
    sa.ForeignKeyConstraint(['authority_id'], ['ca_authority.id'], name=op.f('fk_ca_ocsp_signer_authority_id')),
    sa.PrimaryKeyConstraint('serial', name=op.f('pk_ca_ocsp_signer')),
    sa.UniqueConstraint('authority_id', 'generation', name=op.f('uq_ca_ocsp_signer_authority_id_generation'))
    )
    with op.batch_alter_table('ca_ocsp_signer', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ca_ocsp_signer_authority_id'), ['authority_id'], unique=False)

    op.create_table('ca_request',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('profile', sa.String(length=64), nullable=False),
    sa.Column('profile_version', sa.Integer(), nullable=False),
    sa.Column('authority_id', sa.String(length=26), nullable=False),
    sa.Column('institution_ruc', sa.String(length=13), nullable=True),
    sa.Column('holder_id', sa.String(length=26), nullable=True),
    sa.Column('requested_by', sa.String(length=64), nullable=False),
    sa.Column('prepared_by', sa.String(length=64), nullable=False),
    sa.Column('status', sa.String(length=10), nullable=False),
    sa.Column('csr_der', sa.LargeBinary(), nullable=False),
    sa.Column('spki_sha256', sa.String(length=64), nullable=False),
    sa.Column('inputs', sa.JSON(), nullable=False),
    sa.Column('serial', sa.String(length=40), nullable=False),
    sa.Column('subject', sa.String(length=1000), nullable=False),
    sa.Column('names', sa.JSON(), nullable=False),
    sa.Column('not_before', sa.DateTime(timezone=True), nullable=False),
    sa.Column('not_after', sa.DateTime(timezone=True), nullable=False),
    sa.Column('tbs_der', sa.LargeBinary(), nullable=False),
    sa.Column('tbs_sha256', sa.String(length=64), nullable=False),
    sa.Column('differences', sa.JSON(), nullable=False),
    sa.Column('findings', sa.JSON(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by', sa.String(length=64), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('refusal_reason', sa.String(length=500), nullable=True),
    sa.ForeignKeyConstraint(['authority_id'], ['ca_authority.id'], name=op.f('fk_ca_request_authority_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ca_request')),
    sa.UniqueConstraint('serial', name=op.f('uq_ca_request_serial'))
    )
    with op.batch_alter_table('ca_request', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ca_request_created_at'), ['created_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_ca_request_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_ca_request_holder_id'), ['holder_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_ca_request_institution_ruc'), ['institution_ruc'], unique=False)
        batch_op.create_index(batch_op.f('ix_ca_request_profile'), ['profile'], unique=False)
        batch_op.create_index(batch_op.f('ix_ca_request_requested_by'), ['requested_by'], unique=False)
        batch_op.create_index(batch_op.f('ix_ca_request_spki_sha256'), ['spki_sha256'], unique=False)
        batch_op.create_index(batch_op.f('ix_ca_request_status'), ['status'], unique=False)

    op.create_table('idp_client_origin',
    sa.Column('origin', sa.String(length=300), nullable=False),
    sa.Column('client_id', sa.String(length=64), nullable=False),
    sa.ForeignKeyConstraint(['client_id'], ['idp_client.client_id'], name=op.f('fk_idp_client_origin_client_id')),
    sa.PrimaryKeyConstraint('origin', 'client_id', name=op.f('pk_idp_client_origin'))
    )
    with op.batch_alter_table('idp_client_origin', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_client_origin_client_id'), ['client_id'], unique=False)

    op.create_table('idp_client_secret',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('client_id', sa.String(length=64), nullable=False),
    sa.Column('secret_sha256', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['client_id'], ['idp_client.client_id'], name=op.f('fk_idp_client_secret_client_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_client_secret'))
    )
    with op.batch_alter_table('idp_client_secret', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_client_secret_client_id'), ['client_id'], unique=False)

    op.create_table('idp_refresh_token',
    sa.Column('token_sha256', sa.String(length=64), nullable=False),
    sa.Column('family_id', sa.String(length=26), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['family_id'], ['idp_token_family.id'], name=op.f('fk_idp_refresh_token_family_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('token_sha256', name=op.f('pk_idp_refresh_token'))
    )
    with op.batch_alter_table('idp_refresh_token', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_refresh_token_family_id'), ['family_id'], unique=False)

    op.create_table('ca_approval',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('request_id', sa.String(length=26), nullable=False),
    sa.Column('approver', sa.String(length=64), nullable=False),
    sa.Column('tbs_sha256', sa.String(length=64), nullable=False),
    sa.Column('approved_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['request_id'], ['ca_request.id'], name=op.f('fk_ca_approval_request_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ca_approval')),
    sa.UniqueConstraint('request_id', 'approver', 'tbs_sha256', name=op.f('uq_ca_approval_request_id_approver_tbs_sha256'))
    )
    with op.batch_alter_table('ca_approval', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ca_approval_request_id'), ['request_id'], unique=False)



def downgrade() -> None:
    with op.batch_alter_table('ca_approval', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_ca_approval_request_id'))

    op.drop_table('ca_approval')
    with op.batch_alter_table('idp_refresh_token', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_refresh_token_family_id'))

    op.drop_table('idp_refresh_token')
    with op.batch_alter_table('idp_client_secret', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_client_secret_client_id'))

    op.drop_table('idp_client_secret')
    with op.batch_alter_table('idp_client_origin', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_client_origin_client_id'))

    op.drop_table('idp_client_origin')
    with op.batch_alter_table('ca_request', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_ca_request_status'))
        batch_op.drop_index(batch_op.f('ix_ca_request_spki_sha256'))
        batch_op.drop_index(batch_op.f('ix_ca_request_requested_by'))
        batch_op.drop_index(batch_op.f('ix_ca_request_profile'))
        batch_op.drop_index(batch_op.f('ix_ca_request_institution_ruc'))
        batch_op.drop_index(batch_op.f('ix_ca_request_holder_id'))
        batch_op.drop_index(batch_op.f('ix_ca_request_expires_at'))
        batch_op.drop_index(batch_op.f('ix_ca_request_created_at'))

    op.drop_table('ca_request')
    with op.batch_alter_table('ca_ocsp_signer', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_ca_ocsp_signer_authority_id'))

    op.drop_table('ca_ocsp_signer')
    op.drop_table('ca_crl_series')
    with op.batch_alter_table('ca_crl', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_ca_crl_next_update'))

    op.drop_table('ca_crl')
    with op.batch_alter_table('ca_certificate', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_ca_certificate_spki_sha256'))
        batch_op.drop_index(batch_op.f('ix_ca_certificate_revoked_at'))
        batch_op.drop_index(batch_op.f('ix_ca_certificate_request_id'))
        batch_op.drop_index(batch_op.f('ix_ca_certificate_not_after'))
        batch_op.drop_index(batch_op.f('ix_ca_certificate_institution_ruc'))
        batch_op.drop_index(batch_op.f('ix_ca_certificate_holder_id'))
        batch_op.drop_index(batch_op.f('ix_ca_certificate_certificate_sha256'))
        batch_op.drop_index(batch_op.f('ix_ca_certificate_authority_id'))

    op.drop_table('ca_certificate')
    with op.batch_alter_table('outbox_task', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_outbox_task_kind'))
        batch_op.drop_index(batch_op.f('ix_outbox_task_due_at'))

    op.drop_table('outbox_task')
    with op.batch_alter_table('idp_totp', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_totp_person_id'))

    op.drop_table('idp_totp')
    with op.batch_alter_table('idp_token_family', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_token_family_sid'))
        batch_op.drop_index(batch_op.f('ix_idp_token_family_person_id'))
        batch_op.drop_index(batch_op.f('ix_idp_token_family_expires_at'))
        batch_op.drop_index(batch_op.f('ix_idp_token_family_client_id'))

    op.drop_table('idp_token_family')
    with op.batch_alter_table('idp_throttle', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_throttle_window_ends_at'))

    op.drop_table('idp_throttle')
    with op.batch_alter_table('idp_stored_mail', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_stored_mail_person_id'))
        batch_op.drop_index(batch_op.f('ix_idp_stored_mail_created_at'))

    op.drop_table('idp_stored_mail')
    with op.batch_alter_table('idp_signing_key', schema=None) as batch_op:
        batch_op.drop_index('ux_idp_signing_key_active', sqlite_where=sa.text("state = 'active'"), postgresql_where=sa.text("state = 'active'"))
        batch_op.drop_index(batch_op.f('ix_idp_signing_key_state'))

    op.drop_table('idp_signing_key')
    with op.batch_alter_table('idp_sign_up', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_sign_up_expires_at'))
        batch_op.drop_index(batch_op.f('ix_idp_sign_up_cedula'))

    op.drop_table('idp_sign_up')
    with op.batch_alter_table('idp_revoked_access_token', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_revoked_access_token_expires_at'))

    op.drop_table('idp_revoked_access_token')
    with op.batch_alter_table('idp_recovery_sheet', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_recovery_sheet_expires_at'))

    op.drop_table('idp_recovery_sheet')
    with op.batch_alter_table('idp_recovery_code', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_recovery_code_person_id'))

    op.drop_table('idp_recovery_code')
    with op.batch_alter_table('idp_person', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_person_status'))
        batch_op.drop_index(batch_op.f('ix_idp_person_email'))

    op.drop_table('idp_person')
    with op.batch_alter_table('idp_password_reset', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_password_reset_person_id'))
        batch_op.drop_index(batch_op.f('ix_idp_password_reset_expires_at'))
        batch_op.drop_index(batch_op.f('ix_idp_password_reset_account_hmac'))

    op.drop_table('idp_password_reset')
    op.drop_table('idp_password')
    with op.batch_alter_table('idp_mail_code', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_mail_code_expires_at'))

    op.drop_table('idp_mail_code')
    with op.batch_alter_table('idp_known_device', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_known_device_person_id'))
        batch_op.drop_index(batch_op.f('ix_idp_known_device_last_used_at'))

    op.drop_table('idp_known_device')
    with op.batch_alter_table('idp_interaction', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_interaction_expires_at'))

    op.drop_table('idp_interaction')
    op.drop_table('idp_institution')
    with op.batch_alter_table('idp_enrollment_link', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_enrollment_link_person_id'))
        batch_op.drop_index(batch_op.f('ix_idp_enrollment_link_expires_at'))

    op.drop_table('idp_enrollment_link')
    with op.batch_alter_table('idp_email_confirmation', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_email_confirmation_expires_at'))

    op.drop_table('idp_email_confirmation')
    op.drop_table('idp_consent')
    with op.batch_alter_table('idp_client_assertion_used', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_client_assertion_used_expires_at'))

    op.drop_table('idp_client_assertion_used')
    with op.batch_alter_table('idp_client', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_client_institution_id'))

    op.drop_table('idp_client')
    with op.batch_alter_table('idp_browser_session', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_browser_session_person_id'))
        batch_op.drop_index(batch_op.f('ix_idp_browser_session_last_seen_at'))
        batch_op.drop_index(batch_op.f('ix_idp_browser_session_expires_at'))

    op.drop_table('idp_browser_session')
    with op.batch_alter_table('idp_authorization_code', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_authorization_code_expires_at'))

    op.drop_table('idp_authorization_code')
    op.drop_table('ca_compromised_key')
    op.drop_table('ca_authority')
    op.drop_table('audit_tile')
    op.drop_table('audit_holder_key')
    op.drop_table('audit_head')
    with op.batch_alter_table('audit_event', schema=None) as batch_op:
        batch_op.drop_index('ix_audit_event_unsequenced', postgresql_where=sa.text('log_index IS NULL'), sqlite_where=sa.text('log_index IS NULL'))
        batch_op.drop_index(batch_op.f('ix_audit_event_type'))
        batch_op.drop_index(batch_op.f('ix_audit_event_subject'))
        batch_op.drop_index(batch_op.f('ix_audit_event_session_id'))
        batch_op.drop_index(batch_op.f('ix_audit_event_request_id'))
        batch_op.drop_index(batch_op.f('ix_audit_event_occurred_at'))
        batch_op.drop_index(batch_op.f('ix_audit_event_object_id'))
        batch_op.drop_index(batch_op.f('ix_audit_event_client_id'))
        batch_op.drop_index(batch_op.f('ix_audit_event_actor'))

    op.drop_table('audit_event')
    op.drop_table('audit_checkpoint')
    op.drop_table('admin_sign_in_attempt')
    with op.batch_alter_table('admin_role_assignment', schema=None) as batch_op:
        batch_op.drop_index('uq_admin_role_assignment_held', sqlite_where=sa.text('withdrawn_at IS NULL'), postgresql_where=sa.text('withdrawn_at IS NULL'))
        batch_op.drop_index(batch_op.f('ix_admin_role_assignment_person_id'))

    op.drop_table('admin_role_assignment')
    with op.batch_alter_table('admin_console_session', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_admin_console_session_sid'))
        batch_op.drop_index(batch_op.f('ix_admin_console_session_person_id'))

    op.drop_table('admin_console_session')
