"""the whole provider

Revision: 0002
Before it: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('idp_certificate_ticket',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('interaction_id', sa.String(length=26), nullable=False),
    sa.Column('ticket_sha256', sa.String(length=64), nullable=False),
    sa.Column('result_sha256', sa.String(length=64), nullable=True),
    sa.Column('person_id', sa.String(length=26), nullable=True),
    sa.Column('x5t_s256', sa.String(length=43), nullable=True),
    sa.Column('serial', sa.String(length=40), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('confirmed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('redeemed_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_certificate_ticket')),
    sa.UniqueConstraint('result_sha256', name=op.f('uq_idp_certificate_ticket_result_sha256')),
    sa.UniqueConstraint('ticket_sha256', name=op.f('uq_idp_certificate_ticket_ticket_sha256'))
    )
    with op.batch_alter_table('idp_certificate_ticket', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_certificate_ticket_expires_at'), ['expires_at'], unique=False)

    op.create_table('idp_decoupled_request',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('grant_type', sa.String(length=64), nullable=False),
    sa.Column('secret_sha256', sa.String(length=64), nullable=False),
    sa.Column('user_code_hmac', sa.String(length=64), nullable=True),
    sa.Column('client_id', sa.String(length=64), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=True),
    sa.Column('muted', sa.Boolean(), nullable=False),
    sa.Column('scopes', sa.JSON(), nullable=False),
    sa.Column('terms', sa.JSON(), server_default='{}', nullable=False),
    sa.Column('required_acr', sa.String(length=64), nullable=True),
    sa.Column('binding_message', sa.String(length=64), nullable=True),
    sa.Column('asked_network', sa.String(length=64), nullable=False),
    sa.Column('asked_device', sa.String(length=80), nullable=False),
    sa.Column('notification', sa.LargeBinary(), nullable=True),
    sa.Column('poll_interval', sa.Integer(), nullable=False),
    sa.Column('next_poll_at_ms', sa.BigInteger(), nullable=False),
    sa.Column('early', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decision', sa.String(length=8), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('granted', sa.JSON(), nullable=True),
    sa.Column('authenticated_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('acr', sa.String(length=64), nullable=True),
    sa.Column('amr', sa.JSON(), nullable=True),
    sa.Column('session_x5t_s256', sa.String(length=43), nullable=True),
    sa.Column('redeemed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('told_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_decoupled_request')),
    sa.UniqueConstraint('secret_sha256', name=op.f('uq_idp_decoupled_request_secret_sha256')),
    sa.UniqueConstraint('user_code_hmac', name=op.f('uq_idp_decoupled_request_user_code_hmac'))
    )
    with op.batch_alter_table('idp_decoupled_request', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_decoupled_request_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_decoupled_request_person_id'), ['person_id'], unique=False)

    op.create_table('idp_dpop_proof_used',
    sa.Column('proof_sha256', sa.String(length=64), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('proof_sha256', name=op.f('pk_idp_dpop_proof_used'))
    )
    with op.batch_alter_table('idp_dpop_proof_used', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_dpop_proof_used_expires_at'), ['expires_at'], unique=False)

    op.create_table('idp_encryption_key',
    sa.Column('kid', sa.String(length=80), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('retired_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('kid', name=op.f('pk_idp_encryption_key'))
    )
    with op.batch_alter_table('idp_encryption_key', schema=None) as batch_op:
        batch_op.create_index('ux_idp_encryption_key_active', ['kind'], unique=True, sqlite_where=sa.text("state = 'active'"), postgresql_where=sa.text("state = 'active'"))

    op.create_table('idp_initial_access_token',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('token_sha256', sa.String(length=64), nullable=False),
    sa.Column('institution_id', sa.String(length=26), nullable=True),
    sa.Column('policy', sa.String(length=32), nullable=False),
    sa.Column('scopes', sa.JSON(), nullable=False),
    sa.Column('resources', sa.JSON(), nullable=False),
    sa.Column('uses_left', sa.Integer(), nullable=False),
    sa.Column('created_by', sa.String(length=26), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_initial_access_token')),
    sa.UniqueConstraint('token_sha256', name=op.f('uq_idp_initial_access_token_token_sha256'))
    )
    with op.batch_alter_table('idp_initial_access_token', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_initial_access_token_institution_id'), ['institution_id'], unique=False)

    op.create_table('idp_opaque_access_token',
    sa.Column('token_sha256', sa.String(length=64), nullable=False),
    sa.Column('claims', sa.JSON(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('token_sha256', name=op.f('pk_idp_opaque_access_token'))
    )
    with op.batch_alter_table('idp_opaque_access_token', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_opaque_access_token_expires_at'), ['expires_at'], unique=False)

    op.create_table('idp_pushed_request',
    sa.Column('secret_sha256', sa.String(length=64), nullable=False),
    sa.Column('client_id', sa.String(length=64), nullable=False),
    sa.Column('parameters', sa.JSON(), nullable=False),
    sa.Column('signed', sa.Boolean(), nullable=False),
    sa.Column('jkt', sa.String(length=43), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('used_by', sa.String(length=43), nullable=True),
    sa.PrimaryKeyConstraint('secret_sha256', name=op.f('pk_idp_pushed_request'))
    )
    with op.batch_alter_table('idp_pushed_request', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_pushed_request_expires_at'), ['expires_at'], unique=False)

    op.create_table('idp_client_event_authorization',
    sa.Column('client_id', sa.String(length=64), nullable=False),
    sa.Column('sealed', sa.LargeBinary(), nullable=False),
    sa.Column('set_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['client_id'], ['idp_client.client_id'], name=op.f('fk_idp_client_event_authorization_client_id')),
    sa.PrimaryKeyConstraint('client_id', name=op.f('pk_idp_client_event_authorization'))
    )
    with op.batch_alter_table('ca_certificate', schema=None) as batch_op:
        batch_op.add_column(sa.Column('client_id', sa.String(length=64), nullable=True))

    with op.batch_alter_table('ca_request', schema=None) as batch_op:
        batch_op.add_column(sa.Column('client_id', sa.String(length=64), nullable=True))

    with op.batch_alter_table('idp_authorization_code', schema=None) as batch_op:
        batch_op.add_column(sa.Column('interaction_id', sa.String(length=26), nullable=True))
        batch_op.add_column(sa.Column('terms', sa.JSON(), server_default='{}', nullable=False))
        batch_op.add_column(sa.Column('jkt', sa.String(length=43), nullable=True))
        batch_op.alter_column('challenge',
               existing_type=sa.VARCHAR(length=43),
               nullable=True)
        batch_op.create_index(batch_op.f('ix_idp_authorization_code_interaction_id'), ['interaction_id'], unique=False)

    with op.batch_alter_table('idp_browser_session', schema=None) as batch_op:
        batch_op.add_column(sa.Column('x5t_s256', sa.String(length=43), nullable=True))
        batch_op.create_index(batch_op.f('ix_idp_browser_session_x5t_s256'), ['x5t_s256'], unique=False)

    with op.batch_alter_table('idp_client', schema=None) as batch_op:
        batch_op.add_column(sa.Column('policy', sa.String(length=32), server_default='web', nullable=False))
        batch_op.add_column(sa.Column('metadata', sa.JSON(), server_default='{}', nullable=False))
        batch_op.add_column(sa.Column('registered_with', sa.String(length=26), nullable=True))
        batch_op.add_column(sa.Column('registration_token_sha256', sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column('certificate_request_id', sa.String(length=26), nullable=True))

    _keep_what_clients_registered()
    with op.batch_alter_table('idp_client', schema=None) as batch_op:
        batch_op.drop_column('service_audience')

    with op.batch_alter_table('idp_client_secret', schema=None) as batch_op:
        batch_op.add_column(sa.Column('sealed_secret', sa.LargeBinary(), nullable=True))

    with op.batch_alter_table('idp_refresh_token', schema=None) as batch_op:
        batch_op.add_column(sa.Column('used_by', sa.String(length=43), nullable=True))

    with op.batch_alter_table('idp_signing_key', schema=None) as batch_op:
        batch_op.add_column(sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table('idp_token_family', schema=None) as batch_op:
        batch_op.add_column(sa.Column('grant_type', sa.String(length=64), server_default='authorization_code', nullable=False))
        batch_op.add_column(sa.Column('terms', sa.JSON(), server_default='{}', nullable=False))
        batch_op.add_column(sa.Column('confirmation', sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(sa.Column('x5t_s256', sa.String(length=43), nullable=True))
        batch_op.add_column(sa.Column('session_x5t_s256', sa.String(length=43), nullable=True))
        batch_op.alter_column('code_sha256',
               existing_type=sa.VARCHAR(length=64),
               nullable=True)
        batch_op.alter_column('sid',
               existing_type=sa.VARCHAR(length=43),
               nullable=True)
        batch_op.create_index(batch_op.f('ix_idp_token_family_session_x5t_s256'), ['session_x5t_s256'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_token_family_x5t_s256'), ['x5t_s256'], unique=False)

    with op.batch_alter_table('outbox_task', schema=None) as batch_op:
        batch_op.add_column(sa.Column('destination', sa.String(length=300), nullable=True))
        batch_op.add_column(sa.Column('given_up_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(batch_op.f('ix_outbox_task_destination'), ['destination'], unique=False)



def _keep_what_clients_registered() -> None:
    """The API of a service's tokens becomes the first of its APIs; each client gets the policy that it lived by."""
    client = sa.table(
        'idp_client',
        sa.column('client_id', sa.String),
        sa.column('service_audience', sa.String),
        sa.column('token_endpoint_auth_method', sa.String),
        sa.column('grant_types', sa.JSON),
        sa.column('metadata', sa.JSON),
        sa.column('policy', sa.String),
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(client)).mappings().all():
        people = 'authorization_code' in row['grant_types']
        policy = 'public' if row['token_endpoint_auth_method'] == 'none' else 'web' if people else 'service'
        connection.execute(
            client.update()
            .where(client.c.client_id == row['client_id'])
            .values(policy=policy, metadata={'resources': [row['service_audience']]} if row['service_audience'] else {})
        )


def downgrade() -> None:
    with op.batch_alter_table('outbox_task', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_outbox_task_destination'))
        batch_op.drop_column('given_up_at')
        batch_op.drop_column('destination')

    with op.batch_alter_table('idp_token_family', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_token_family_x5t_s256'))
        batch_op.drop_index(batch_op.f('ix_idp_token_family_session_x5t_s256'))
        batch_op.alter_column('sid',
               existing_type=sa.VARCHAR(length=43),
               nullable=False)
        batch_op.alter_column('code_sha256',
               existing_type=sa.VARCHAR(length=64),
               nullable=False)
        batch_op.drop_column('session_x5t_s256')
        batch_op.drop_column('x5t_s256')
        batch_op.drop_column('confirmation')
        batch_op.drop_column('terms')
        batch_op.drop_column('grant_type')

    with op.batch_alter_table('idp_signing_key', schema=None) as batch_op:
        batch_op.drop_column('revoked_at')

    with op.batch_alter_table('idp_refresh_token', schema=None) as batch_op:
        batch_op.drop_column('used_by')

    with op.batch_alter_table('idp_client_secret', schema=None) as batch_op:
        batch_op.drop_column('sealed_secret')

    with op.batch_alter_table('idp_client', schema=None) as batch_op:
        batch_op.add_column(sa.Column('service_audience', sa.VARCHAR(length=255), nullable=True))
        batch_op.drop_column('certificate_request_id')
        batch_op.drop_column('registration_token_sha256')
        batch_op.drop_column('registered_with')
        batch_op.drop_column('metadata')
        batch_op.drop_column('policy')

    with op.batch_alter_table('idp_browser_session', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_browser_session_x5t_s256'))
        batch_op.drop_column('x5t_s256')

    with op.batch_alter_table('idp_authorization_code', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_authorization_code_interaction_id'))
        batch_op.alter_column('challenge',
               existing_type=sa.VARCHAR(length=43),
               nullable=False)
        batch_op.drop_column('jkt')
        batch_op.drop_column('terms')
        batch_op.drop_column('interaction_id')

    with op.batch_alter_table('ca_request', schema=None) as batch_op:
        batch_op.drop_column('client_id')

    with op.batch_alter_table('ca_certificate', schema=None) as batch_op:
        batch_op.drop_column('client_id')

    op.drop_table('idp_client_event_authorization')
    with op.batch_alter_table('idp_pushed_request', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_pushed_request_expires_at'))

    op.drop_table('idp_pushed_request')
    with op.batch_alter_table('idp_opaque_access_token', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_opaque_access_token_expires_at'))

    op.drop_table('idp_opaque_access_token')
    with op.batch_alter_table('idp_initial_access_token', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_initial_access_token_institution_id'))

    op.drop_table('idp_initial_access_token')
    with op.batch_alter_table('idp_encryption_key', schema=None) as batch_op:
        batch_op.drop_index('ux_idp_encryption_key_active', sqlite_where=sa.text("state = 'active'"), postgresql_where=sa.text("state = 'active'"))

    op.drop_table('idp_encryption_key')
    with op.batch_alter_table('idp_dpop_proof_used', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_dpop_proof_used_expires_at'))

    op.drop_table('idp_dpop_proof_used')
    with op.batch_alter_table('idp_decoupled_request', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_decoupled_request_person_id'))
        batch_op.drop_index(batch_op.f('ix_idp_decoupled_request_expires_at'))

    op.drop_table('idp_decoupled_request')
    with op.batch_alter_table('idp_certificate_ticket', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_certificate_ticket_expires_at'))

    op.drop_table('idp_certificate_ticket')
