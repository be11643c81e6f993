"""A gateway that speaks SMPP 3.4: bind as transmitter, submit one message, unbind."""

from __future__ import annotations

import logging
import socket
import ssl
from urllib.parse import SplitResult

from smpplib import consts, exceptions
from smpplib.client import Client
from smpplib.gsm import gsm_encode

from idp.notices.sms import Sms
from idp.notices.sms_taken import SmsNotTaken
from kernel.settings import IpNetwork, Settings
from outgoing.addresses import is_listed, parse_address
from outgoing.errors import OutgoingError

_SECONDS = 10
PLAIN_PORT, TLS_PORT = 2775, 3550
_MOST_OCTETS = 64 * 1024
_ENCODING_GSM = 0
# What is wrong with the message itself (SMPP 3.4 §5.1.3): destination, length, address type, data coding.
_FINAL_STATUSES = frozenset(
    {
        consts.SMPP_ESME_RINVDSTADR,
        consts.SMPP_ESME_RINVMSGLEN,
        consts.SMPP_ESME_RINVDSTTON,
        consts.SMPP_ESME_RINVDSTNPI,
    }
)
# The library writes each octet that it sends into its log, the password and the code among them.
_SILENT = logging.getLogger("sau.smpp.silent")
_SILENT.disabled = True


def hand_over_by_smpp(sms: Sms, *, url: SplitResult, user: str, password: str, settings: Settings) -> None:
    """Submit ``sms`` to the centre at ``url`` (``smpps://``, or ``smpp://`` inside the operator's networks).

    :raises SmsNotTaken: with the centre's status, or why there was no answer.
    """
    host, secure = url.hostname or "", url.scheme == "smpps"
    try:
        client = _Client(
            host if secure else _own_address(host, settings.outgoing_networks),
            url.port or (TLS_PORT if secure else PLAIN_PORT),
            timeout=_SECONDS,
            logger_name=_SILENT.name,
            ssl_context=_Named(host, settings) if secure else None,
            allow_unknown_opt_params=True,
        )
        with client:
            client.connect()
            client.bind_transmitter(system_id=user, password=password)
            client.send_message(**_message(sms, settings.sms_sender))
            _require_taken(client.read_pdu())
    except exceptions.PDUError as error:
        status = error.args[1] if len(error.args) > 1 else 0
        raise SmsNotTaken(f"smpp_{status:02x}") from None
    except TimeoutError:
        raise SmsNotTaken("timed_out") from None
    except (exceptions.ConnectionError, OSError, OutgoingError) as error:
        untrusted = isinstance(error.__context__, ssl.SSLCertVerificationError)
        raise SmsNotTaken("bad_certificate" if untrusted else "unreachable") from None
    except (exceptions.UnknownCommandError, ValueError, KeyError):
        raise SmsNotTaken("bad_answer") from None


class _Client(Client):
    """The library's client, which would wait for as many octets as the centre announces."""

    def _recv_exact(self, exact_size: int) -> bytes:
        if not 0 <= exact_size <= _MOST_OCTETS:
            raise ValueError("a PDU of that length is none")
        received: bytes = super()._recv_exact(exact_size)
        return received


class _Named:
    """A TLS context that verifies the centre's name, which the library does not pass on."""

    def __init__(self, host: str, settings: Settings) -> None:
        self._host = host
        self._context = ssl.create_default_context()
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        if settings.outgoing_ca_file is not None:
            self._context.load_verify_locations(cafile=settings.outgoing_ca_file)

    def wrap_socket(self, raw: socket.socket) -> ssl.SSLSocket:
        """Return ``raw`` under TLS."""
        return self._context.wrap_socket(raw, server_hostname=self._host)


def _own_address(host: str, networks: tuple[IpNetwork, ...]) -> str:
    """Return the address of ``host`` if it lies in a network of the operator: only there a password goes in clear."""
    for family, _, _, _, address in socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_STREAM):
        if family == socket.AF_INET and is_listed(parse_address(str(address[0])), networks):
            return str(address[0])
    raise SmsNotTaken("plain_smpp")


def _message(sms: Sms, sender: str) -> dict[str, object]:
    number = sender.lstrip("+").isdigit()
    return {
        "source_addr_ton": consts.SMPP_TON_INTL if number else consts.SMPP_TON_ALNUM,
        "source_addr_npi": consts.SMPP_NPI_ISDN if number else consts.SMPP_NPI_UNK,
        "source_addr": sender.lstrip("+"),
        "dest_addr_ton": consts.SMPP_TON_INTL,
        "dest_addr_npi": consts.SMPP_NPI_ISDN,
        "destination_addr": sms.to.lstrip("+"),
        "data_coding": _ENCODING_GSM,
        "short_message": gsm_encode(sms.text),
    }


def _require_taken(answer: object) -> None:
    status = int(getattr(answer, "status", 1) or 0)
    if getattr(answer, "command", "") != "submit_sm_resp":
        raise SmsNotTaken("bad_answer")
    if status:
        raise SmsNotTaken(f"smpp_{status:02x}", permanent=status in _FINAL_STATUSES)
