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

    op.create_table('idp_belonging',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('institution_id', sa.String(length=26), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('post', sa.String(length=200), nullable=False),
    sa.Column('source', sa.String(length=16), nullable=False),
    sa.Column('external_id', sa.String(length=200), nullable=True),
    sa.Column('user_name', sa.String(length=200), nullable=True),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_by', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_by', sa.String(length=64), nullable=True),
    sa.Column('ended_reason', sa.String(length=64), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_belonging'))
    )
    with op.batch_alter_table('idp_belonging', schema=None) as batch_op:
        batch_op.create_index('ix_idp_belonging_external', ['institution_id', 'external_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_belonging_person_id'), ['person_id'], unique=False)
        batch_op.create_index('uq_idp_belonging_standing', ['institution_id', 'person_id'], unique=True, sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))

    op.create_table('idp_code_factor',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('kind', sa.String(length=8), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_code_factor')),
    sa.UniqueConstraint('person_id', 'kind', name=op.f('uq_idp_code_factor_person_id_kind'))
    )
    op.create_table('idp_data_copy',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('sealed', sa.LargeBinary(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ready_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('taken_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_data_copy'))
    )
    with op.batch_alter_table('idp_data_copy', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_data_copy_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_data_copy_person_id'), ['person_id'], unique=False)

    op.create_table('idp_delegation',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('institution_id', sa.String(length=26), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('role_id', sa.String(length=26), nullable=False),
    sa.Column('may_assign', sa.Boolean(), nullable=False),
    sa.Column('may_approve', sa.Boolean(), nullable=False),
    sa.Column('granted_by', sa.String(length=64), nullable=False),
    sa.Column('granted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('withdrawn_by', sa.String(length=64), nullable=True),
    sa.Column('withdrawn_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_delegation'))
    )
    with op.batch_alter_table('idp_delegation', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_delegation_person_id'), ['person_id'], unique=False)
        batch_op.create_index('uq_idp_delegation_standing', ['institution_id', 'person_id', 'role_id'], unique=True, sqlite_where=sa.text('withdrawn_at IS NULL'), postgresql_where=sa.text('withdrawn_at IS NULL'))

    op.create_table('idp_deletion',
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('requested_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('reminded_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('person_id', name=op.f('pk_idp_deletion'))
    )
    with op.batch_alter_table('idp_deletion', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_deletion_due_at'), ['due_at'], unique=False)

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

    op.create_table('idp_desk_recovery',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('officer_id', sa.String(length=26), nullable=False),
    sa.Column('desk_id', sa.String(length=26), nullable=False),
    sa.Column('document', sa.String(length=16), nullable=False),
    sa.Column('method', sa.String(length=16), nullable=False),
    sa.Column('lost_email', sa.Boolean(), nullable=False),
    sa.Column('lost_phone', sa.Boolean(), nullable=False),
    sa.Column('code_hmac', sa.String(length=64), nullable=False),
    sa.Column('stop_hmac', sa.String(length=64), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('approved_by', sa.String(length=26), nullable=True),
    sa.Column('ready_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('browser_sha256', sa.String(length=64), nullable=True),
    sa.Column('entered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('phc', sa.String(length=255), nullable=True),
    sa.Column('sealed_key', sa.LargeBinary(), nullable=True),
    sa.Column('outcome', sa.String(length=16), nullable=True),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('closed_by', sa.String(length=64), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_desk_recovery')),
    sa.UniqueConstraint('code_hmac', name=op.f('uq_idp_desk_recovery_code_hmac')),
    sa.UniqueConstraint('stop_hmac', name=op.f('uq_idp_desk_recovery_stop_hmac'))
    )
    with op.batch_alter_table('idp_desk_recovery', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_desk_recovery_desk_id'), ['desk_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_desk_recovery_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_desk_recovery_person_id'), ['person_id'], unique=False)
        batch_op.create_index('uq_idp_desk_recovery_open', ['person_id'], unique=True, sqlite_where=sa.text('closed_at IS NULL'), postgresql_where=sa.text('closed_at IS NULL'))

    op.create_table('idp_disowned_report',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('number', sa.String(length=9), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('event_id', sa.String(length=26), nullable=True),
    sa.Column('grants_ended', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('rechecked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('seen_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('seen_by', sa.String(length=26), nullable=True),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('closed_by', sa.String(length=26), nullable=True),
    sa.Column('closing_words', sa.String(length=500), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_disowned_report')),
    sa.UniqueConstraint('number', name=op.f('uq_idp_disowned_report_number'))
    )
    with op.batch_alter_table('idp_disowned_report', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_disowned_report_person_id'), ['person_id'], unique=False)

    op.create_table('idp_grid_card',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('sid', sa.String(length=43), nullable=True),
    sa.Column('digests', sa.LargeBinary(), nullable=False),
    sa.Column('asked', sa.String(length=16), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('confirmed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('uses', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_grid_card'))
    )
    with op.batch_alter_table('idp_grid_card', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_grid_card_person_id'), ['person_id'], unique=False)

    op.create_table('idp_grid_sheet',
    sa.Column('card_id', sa.String(length=26), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('sealed_cells', sa.LargeBinary(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('card_id', name=op.f('pk_idp_grid_sheet'))
    )
    with op.batch_alter_table('idp_grid_sheet', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_grid_sheet_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_grid_sheet_person_id'), ['person_id'], unique=False)

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

    op.create_table('idp_ldap_directory',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('institution_id', sa.String(length=26), nullable=False),
    sa.Column('domains', sa.JSON(), nullable=False),
    sa.Column('urls', sa.JSON(), nullable=False),
    sa.Column('ca_pem', sa.Text(), nullable=True),
    sa.Column('bind_dn', sa.String(length=500), nullable=True),
    sa.Column('sealed_password', sa.LargeBinary(), nullable=True),
    sa.Column('bind_file', sa.String(length=500), nullable=True),
    sa.Column('bind_template', sa.String(length=500), nullable=True),
    sa.Column('search_base', sa.String(length=500), nullable=False),
    sa.Column('username_filter', sa.String(length=1000), nullable=False),
    sa.Column('cedula_filter', sa.String(length=1000), nullable=False),
    sa.Column('attributes', sa.JSON(), nullable=False),
    sa.Column('creates_people', sa.Boolean(), nullable=False),
    sa.Column('level', sa.Integer(), nullable=False),
    sa.Column('asked_by_cedula', sa.Boolean(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_ldap_directory')),
    sa.UniqueConstraint('name', name=op.f('uq_idp_ldap_directory_name'))
    )
    with op.batch_alter_table('idp_ldap_directory', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_ldap_directory_institution_id'), ['institution_id'], unique=False)

    op.create_table('idp_ldap_group',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('directory_id', sa.String(length=26), nullable=False),
    sa.Column('group_dn', sa.String(length=500), nullable=False),
    sa.Column('role', sa.String(length=100), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_ldap_group')),
    sa.UniqueConstraint('directory_id', 'group_dn', 'role', name=op.f('uq_idp_ldap_group_directory_id_group_dn_role'))
    )
    with op.batch_alter_table('idp_ldap_group', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_ldap_group_directory_id'), ['directory_id'], unique=False)

    op.create_table('idp_ldap_health',
    sa.Column('directory_id', sa.String(length=26), nullable=False),
    sa.Column('reason', sa.String(length=32), nullable=True),
    sa.Column('failing_since', sa.DateTime(timezone=True), nullable=True),
    sa.Column('milliseconds', sa.Integer(), nullable=False),
    sa.Column('checked_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('directory_id', name=op.f('pk_idp_ldap_health'))
    )
    op.create_table('idp_ldap_link',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('directory_id', sa.String(length=26), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('entry_key', sa.String(length=200), nullable=False),
    sa.Column('username', sa.String(length=64), nullable=False),
    sa.Column('groups', sa.JSON(), nullable=False),
    sa.Column('linked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_login_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('checked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('missed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('left_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_ldap_link')),
    sa.UniqueConstraint('directory_id', 'entry_key', name=op.f('uq_idp_ldap_link_directory_id_entry_key')),
    sa.UniqueConstraint('directory_id', 'person_id', name=op.f('uq_idp_ldap_link_directory_id_person_id'))
    )
    with op.batch_alter_table('idp_ldap_link', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_ldap_link_checked_at'), ['checked_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_ldap_link_person_id'), ['person_id'], unique=False)

    op.create_table('idp_level_evidence',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('level', sa.Integer(), nullable=False),
    sa.Column('method', sa.String(length=16), nullable=False),
    sa.Column('reference', sa.String(length=64), nullable=True),
    sa.Column('document', sa.String(length=16), nullable=True),
    sa.Column('x5t_s256', sa.String(length=43), nullable=True),
    sa.Column('checked_by', sa.String(length=64), nullable=False),
    sa.Column('established_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('withdrawn_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('withdrawn_reason', sa.String(length=64), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_level_evidence'))
    )
    with op.batch_alter_table('idp_level_evidence', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_level_evidence_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_level_evidence_person_id'), ['person_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_level_evidence_x5t_s256'), ['x5t_s256'], unique=False)

    op.create_table('idp_login_place',
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('network_hmac', sa.String(length=64), nullable=False),
    sa.Column('device', sa.String(length=80), nullable=False),
    sa.Column('latitude', sa.Float(), nullable=True),
    sa.Column('longitude', sa.Float(), nullable=True),
    sa.Column('occurred_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('person_id', name=op.f('pk_idp_login_place'))
    )
    op.create_table('idp_passkey',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('credential_sha256', sa.String(length=64), nullable=False),
    sa.Column('credential', sa.LargeBinary(), nullable=False),
    sa.Column('public_key', sa.LargeBinary(), nullable=False),
    sa.Column('sign_count', sa.BigInteger(), nullable=False),
    sa.Column('aaguid', sa.String(length=36), nullable=False),
    sa.Column('transports', sa.JSON(), nullable=False),
    sa.Column('backup_eligible', sa.Boolean(), nullable=False),
    sa.Column('backed_up', sa.Boolean(), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('flagged_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_passkey')),
    sa.UniqueConstraint('credential_sha256', name=op.f('uq_idp_passkey_credential_sha256'))
    )
    with op.batch_alter_table('idp_passkey', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_passkey_person_id'), ['person_id'], unique=False)

    op.create_table('idp_passkey_challenge',
    sa.Column('challenge', sa.String(length=43), nullable=False),
    sa.Column('purpose', sa.String(length=16), nullable=False),
    sa.Column('journey', sa.String(length=43), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('challenge', name=op.f('pk_idp_passkey_challenge'))
    )
    with op.batch_alter_table('idp_passkey_challenge', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_passkey_challenge_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_passkey_challenge_journey'), ['journey'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_passkey_challenge_person_id'), ['person_id'], unique=False)

    op.create_table('idp_passkey_holder',
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('handle', sa.String(length=43), nullable=False),
    sa.PrimaryKeyConstraint('person_id', name=op.f('pk_idp_passkey_holder')),
    sa.UniqueConstraint('handle', name=op.f('uq_idp_passkey_holder_handle'))
    )
    op.create_table('idp_permission',
    sa.Column('client_id', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('words', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('client_id', 'name', name=op.f('pk_idp_permission'))
    )
    op.create_table('idp_phone_confirmation',
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('phone', sa.String(length=16), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('person_id', name=op.f('pk_idp_phone_confirmation')),
    sa.UniqueConstraint('id', name=op.f('uq_idp_phone_confirmation_id'))
    )
    with op.batch_alter_table('idp_phone_confirmation', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_phone_confirmation_expires_at'), ['expires_at'], unique=False)

    op.create_table('idp_rectification',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('given_names', sa.String(length=100), nullable=False),
    sa.Column('surnames', sa.String(length=100), nullable=False),
    sa.Column('why', sa.String(length=500), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decided_by', sa.String(length=64), nullable=True),
    sa.Column('answer', sa.String(length=500), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_rectification'))
    )
    with op.batch_alter_table('idp_rectification', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_rectification_person_id'), ['person_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_rectification_state'), ['state'], unique=False)
        batch_op.create_index('uq_idp_rectification_open', ['person_id'], unique=True, sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))

    op.create_table('idp_rights_declaration',
    sa.Column('client_id', sa.String(length=64), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('open_to_all', sa.Boolean(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('declared_by', sa.String(length=64), nullable=False),
    sa.Column('declared_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('client_id', name=op.f('pk_idp_rights_declaration'))
    )
    op.create_table('idp_role',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('client_id', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=64), nullable=False),
    sa.Column('words', sa.JSON(), nullable=False),
    sa.Column('permissions', sa.JSON(), nullable=False),
    sa.Column('needs_approval', sa.Boolean(), nullable=False),
    sa.Column('sensitive', sa.Boolean(), nullable=False),
    sa.Column('max_days', sa.Integer(), nullable=True),
    sa.Column('excludes', sa.JSON(), nullable=False),
    sa.Column('declared_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('retired_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_role'))
    )
    with op.batch_alter_table('idp_role', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_role_client_id'), ['client_id'], unique=False)
        batch_op.create_index('uq_idp_role_declared', ['client_id', 'name'], unique=True, sqlite_where=sa.text('retired_at IS NULL'), postgresql_where=sa.text('retired_at IS NULL'))

    op.create_table('idp_role_assignment',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('role_id', sa.String(length=26), nullable=False),
    sa.Column('client_id', sa.String(length=64), nullable=False),
    sa.Column('institution_id', sa.String(length=26), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('belonging_id', sa.String(length=26), nullable=False),
    sa.Column('status', sa.String(length=8), nullable=False),
    sa.Column('reason', sa.String(length=500), nullable=False),
    sa.Column('valid_from', sa.DateTime(timezone=True), nullable=False),
    sa.Column('valid_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('proposal_sha256', sa.String(length=64), nullable=False),
    sa.Column('proposed_by', sa.String(length=64), nullable=False),
    sa.Column('proposed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by', sa.String(length=64), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_by', sa.String(length=64), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_reason', sa.String(length=500), nullable=True),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_role_assignment'))
    )
    with op.batch_alter_table('idp_role_assignment', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_role_assignment_belonging_id'), ['belonging_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_role_assignment_client_id'), ['client_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_role_assignment_institution_id'), ['institution_id'], unique=False)
        batch_op.create_index('ix_idp_role_assignment_of', ['person_id', 'client_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_role_assignment_role_id'), ['role_id'], unique=False)
        batch_op.create_index('uq_idp_role_assignment_standing', ['role_id', 'institution_id', 'person_id'], unique=True, sqlite_where=sa.text("status IN ('pending', 'active')"), postgresql_where=sa.text("status IN ('pending', 'active')"))

    op.create_table('idp_role_offer',
    sa.Column('client_id', sa.String(length=64), nullable=False),
    sa.Column('institution_id', sa.String(length=26), nullable=False),
    sa.Column('offered_by', sa.String(length=64), nullable=False),
    sa.Column('offered_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('client_id', 'institution_id', name=op.f('pk_idp_role_offer'))
    )
    op.create_table('idp_sent_code',
    sa.Column('journey_id', sa.String(length=43), nullable=False),
    sa.Column('kind', sa.String(length=8), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('code_hmac', sa.String(length=64), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('times_sent', sa.Integer(), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('journey_id', 'kind', name=op.f('pk_idp_sent_code'))
    )
    with op.batch_alter_table('idp_sent_code', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_sent_code_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_sent_code_person_id'), ['person_id'], unique=False)

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

    op.create_table('idp_suspended_certificate',
    sa.Column('serial', sa.String(length=40), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('serial', name=op.f('pk_idp_suspended_certificate'))
    )
    with op.batch_alter_table('idp_suspended_certificate', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_suspended_certificate_person_id'), ['person_id'], unique=False)

    op.create_table('idp_upstream_link',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('provider_id', sa.String(length=26), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('upstream_subject', sa.String(length=255), nullable=False),
    sa.Column('linked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_login_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_upstream_link')),
    sa.UniqueConstraint('provider_id', 'person_id', name=op.f('uq_idp_upstream_link_provider_id_person_id')),
    sa.UniqueConstraint('provider_id', 'upstream_subject', name=op.f('uq_idp_upstream_link_provider_id_upstream_subject'))
    )
    with op.batch_alter_table('idp_upstream_link', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_upstream_link_person_id'), ['person_id'], unique=False)

    op.create_table('idp_upstream_provider',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('title', sa.String(length=200), nullable=False),
    sa.Column('institution_id', sa.String(length=26), nullable=False),
    sa.Column('issuer', sa.String(length=300), nullable=False),
    sa.Column('client_id', sa.String(length=200), nullable=False),
    sa.Column('sealed_secret', sa.LargeBinary(), nullable=True),
    sa.Column('endpoints', sa.JSON(), nullable=False),
    sa.Column('algorithms', sa.JSON(), nullable=False),
    sa.Column('names_itself', sa.Boolean(), nullable=False),
    sa.Column('scope', sa.String(length=300), nullable=False),
    sa.Column('domains', sa.JSON(), nullable=False),
    sa.Column('cedula_claim', sa.String(length=100), nullable=True),
    sa.Column('strengths', sa.JSON(), nullable=False),
    sa.Column('level', sa.Integer(), nullable=False),
    sa.Column('creates_people', sa.Boolean(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_upstream_provider')),
    sa.UniqueConstraint('issuer', name=op.f('uq_idp_upstream_provider_issuer')),
    sa.UniqueConstraint('name', name=op.f('uq_idp_upstream_provider_name'))
    )
    with op.batch_alter_table('idp_upstream_provider', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_upstream_provider_institution_id'), ['institution_id'], unique=False)

    op.create_table('idp_upstream_request',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('provider_id', sa.String(length=26), nullable=False),
    sa.Column('interaction_id', sa.String(length=26), nullable=True),
    sa.Column('person_id', sa.String(length=26), nullable=True),
    sa.Column('browser_sha256', sa.String(length=64), nullable=False),
    sa.Column('state_sha256', sa.String(length=64), nullable=False),
    sa.Column('sealed_values', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idp_upstream_request')),
    sa.UniqueConstraint('state_sha256', name=op.f('uq_idp_upstream_request_state_sha256'))
    )
    with op.batch_alter_table('idp_upstream_request', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_upstream_request_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_upstream_request_person_id'), ['person_id'], unique=False)

    op.create_table('idp_upstream_session',
    sa.Column('sid', sa.String(length=43), nullable=False),
    sa.Column('provider_id', sa.String(length=26), nullable=False),
    sa.Column('person_id', sa.String(length=26), nullable=False),
    sa.Column('upstream_sid', sa.String(length=255), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('sid', name=op.f('pk_idp_upstream_session'))
    )
    with op.batch_alter_table('idp_upstream_session', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idp_upstream_session_person_id'), ['person_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_idp_upstream_session_provider_id'), ['provider_id'], unique=False)

    with op.batch_alter_table('idp_browser_session', schema=None) as batch_op:
        batch_op.add_column(sa.Column('institution_id', sa.String(length=26), nullable=True))
        batch_op.add_column(sa.Column('idle_seconds', sa.Integer(), server_default='1800', nullable=False))

    with op.batch_alter_table('idp_certificate_ticket', schema=None) as batch_op:
        batch_op.add_column(sa.Column('not_after', sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table('idp_known_device', schema=None) as batch_op:
        batch_op.add_column(sa.Column('device', sa.String(length=80), server_default='', nullable=False))

    with op.batch_alter_table('idp_person', schema=None) as batch_op:
        batch_op.add_column(sa.Column('passport', sa.String(length=13), nullable=True))
        batch_op.add_column(sa.Column('phone', sa.String(length=16), nullable=True))
        batch_op.add_column(sa.Column('phone_verified_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('birth_date', sa.String(length=10), nullable=True))
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
        batch_op.drop_column('birth_date')
        batch_op.drop_column('phone_verified_at')
        batch_op.drop_column('phone')
        batch_op.drop_column('passport')

    with op.batch_alter_table('idp_known_device', schema=None) as batch_op:
        batch_op.drop_column('device')

    with op.batch_alter_table('idp_certificate_ticket', schema=None) as batch_op:
        batch_op.drop_column('not_after')

    with op.batch_alter_table('idp_browser_session', schema=None) as batch_op:
        batch_op.drop_column('idle_seconds')
        batch_op.drop_column('institution_id')

    with op.batch_alter_table('idp_upstream_session', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_upstream_session_provider_id'))
        batch_op.drop_index(batch_op.f('ix_idp_upstream_session_person_id'))

    op.drop_table('idp_upstream_session')
    with op.batch_alter_table('idp_upstream_request', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_upstream_request_person_id'))
        batch_op.drop_index(batch_op.f('ix_idp_upstream_request_expires_at'))

    op.drop_table('idp_upstream_request')
    with op.batch_alter_table('idp_upstream_provider', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_upstream_provider_institution_id'))

    op.drop_table('idp_upstream_provider')
    with op.batch_alter_table('idp_upstream_link', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_upstream_link_person_id'))

    op.drop_table('idp_upstream_link')
    with op.batch_alter_table('idp_suspended_certificate', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_suspended_certificate_person_id'))

    op.drop_table('idp_suspended_certificate')
    with op.batch_alter_table('idp_stored_sms', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_stored_sms_person_id'))
        batch_op.drop_index(batch_op.f('ix_idp_stored_sms_created_at'))

    op.drop_table('idp_stored_sms')
    with op.batch_alter_table('idp_sent_code', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_sent_code_person_id'))
        batch_op.drop_index(batch_op.f('ix_idp_sent_code_expires_at'))

    op.drop_table('idp_sent_code')
    op.drop_table('idp_role_offer')
    with op.batch_alter_table('idp_role_assignment', schema=None) as batch_op:
        batch_op.drop_index('uq_idp_role_assignment_standing', sqlite_where=sa.text("status IN ('pending', 'active')"), postgresql_where=sa.text("status IN ('pending', 'active')"))
        batch_op.drop_index(batch_op.f('ix_idp_role_assignment_role_id'))
        batch_op.drop_index('ix_idp_role_assignment_of')
        batch_op.drop_index(batch_op.f('ix_idp_role_assignment_institution_id'))
        batch_op.drop_index(batch_op.f('ix_idp_role_assignment_client_id'))
        batch_op.drop_index(batch_op.f('ix_idp_role_assignment_belonging_id'))

    op.drop_table('idp_role_assignment')
    with op.batch_alter_table('idp_role', schema=None) as batch_op:
        batch_op.drop_index('uq_idp_role_declared', sqlite_where=sa.text('retired_at IS NULL'), postgresql_where=sa.text('retired_at IS NULL'))
        batch_op.drop_index(batch_op.f('ix_idp_role_client_id'))

    op.drop_table('idp_role')
    op.drop_table('idp_rights_declaration')
    with op.batch_alter_table('idp_rectification', schema=None) as batch_op:
        batch_op.drop_index('uq_idp_rectification_open', sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))
        batch_op.drop_index(batch_op.f('ix_idp_rectification_state'))
        batch_op.drop_index(batch_op.f('ix_idp_rectification_person_id'))

    op.drop_table('idp_rectification')
    with op.batch_alter_table('idp_phone_confirmation', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_phone_confirmation_expires_at'))

    op.drop_table('idp_phone_confirmation')
    op.drop_table('idp_permission')
    op.drop_table('idp_passkey_holder')
    with op.batch_alter_table('idp_passkey_challenge', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_passkey_challenge_person_id'))
        batch_op.drop_index(batch_op.f('ix_idp_passkey_challenge_journey'))
        batch_op.drop_index(batch_op.f('ix_idp_passkey_challenge_expires_at'))

    op.drop_table('idp_passkey_challenge')
    with op.batch_alter_table('idp_passkey', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_passkey_person_id'))

    op.drop_table('idp_passkey')
    op.drop_table('idp_login_place')
    with op.batch_alter_table('idp_level_evidence', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_level_evidence_x5t_s256'))
        batch_op.drop_index(batch_op.f('ix_idp_level_evidence_person_id'))
        batch_op.drop_index(batch_op.f('ix_idp_level_evidence_expires_at'))

    op.drop_table('idp_level_evidence')
    with op.batch_alter_table('idp_ldap_link', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_ldap_link_person_id'))
        batch_op.drop_index(batch_op.f('ix_idp_ldap_link_checked_at'))

    op.drop_table('idp_ldap_link')
    op.drop_table('idp_ldap_health')
    with op.batch_alter_table('idp_ldap_group', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_ldap_group_directory_id'))

    op.drop_table('idp_ldap_group')
    with op.batch_alter_table('idp_ldap_directory', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_ldap_directory_institution_id'))

    op.drop_table('idp_ldap_directory')
    with op.batch_alter_table('idp_identity_check', schema=None) as batch_op:
        batch_op.drop_index('uq_idp_identity_check_proposed', sqlite_where=sa.text("state = 'proposed'"), postgresql_where=sa.text("state = 'proposed'"))
        batch_op.drop_index(batch_op.f('ix_idp_identity_check_person_id'))
        batch_op.drop_index(batch_op.f('ix_idp_identity_check_desk_id'))

    op.drop_table('idp_identity_check')
    with op.batch_alter_table('idp_grid_sheet', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_grid_sheet_person_id'))
        batch_op.drop_index(batch_op.f('ix_idp_grid_sheet_expires_at'))

    op.drop_table('idp_grid_sheet')
    with op.batch_alter_table('idp_grid_card', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_grid_card_person_id'))

    op.drop_table('idp_grid_card')
    with op.batch_alter_table('idp_disowned_report', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_disowned_report_person_id'))

    op.drop_table('idp_disowned_report')
    with op.batch_alter_table('idp_desk_recovery', schema=None) as batch_op:
        batch_op.drop_index('uq_idp_desk_recovery_open', sqlite_where=sa.text('closed_at IS NULL'), postgresql_where=sa.text('closed_at IS NULL'))
        batch_op.drop_index(batch_op.f('ix_idp_desk_recovery_person_id'))
        batch_op.drop_index(batch_op.f('ix_idp_desk_recovery_expires_at'))
        batch_op.drop_index(batch_op.f('ix_idp_desk_recovery_desk_id'))

    op.drop_table('idp_desk_recovery')
    with op.batch_alter_table('idp_desk', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_desk_institution_ruc'))

    op.drop_table('idp_desk')
    with op.batch_alter_table('idp_deletion', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_deletion_due_at'))

    op.drop_table('idp_deletion')
    with op.batch_alter_table('idp_delegation', schema=None) as batch_op:
        batch_op.drop_index('uq_idp_delegation_standing', sqlite_where=sa.text('withdrawn_at IS NULL'), postgresql_where=sa.text('withdrawn_at IS NULL'))
        batch_op.drop_index(batch_op.f('ix_idp_delegation_person_id'))

    op.drop_table('idp_delegation')
    with op.batch_alter_table('idp_data_copy', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idp_data_copy_person_id'))
        batch_op.drop_index(batch_op.f('ix_idp_data_copy_expires_at'))

    op.drop_table('idp_data_copy')
    op.drop_table('idp_code_factor')
    with op.batch_alter_table('idp_belonging', schema=None) as batch_op:
        batch_op.drop_index('uq_idp_belonging_standing', sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))
        batch_op.drop_index(batch_op.f('ix_idp_belonging_person_id'))
        batch_op.drop_index('ix_idp_belonging_external')

    op.drop_table('idp_belonging')
    with op.batch_alter_table('admin_person_case', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_admin_person_case_person_id'))
        batch_op.drop_index(batch_op.f('ix_admin_person_case_expires_at'))

    op.drop_table('admin_person_case')
