"""What to do about each thing that ``sau rp doctor`` finds, in a line; pages say it in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping

_UNREACHABLE = "It does not answer from here: look at its name in DNS, its certificate, its firewall."
ADVICE: Mapping[str, str] = {
    "reach:unreachable": _UNREACHABLE,
    "reach:local": "It stands on a machine of its developer's, which is not seen from here.",
    "https:plain": "Serve it by https: anybody on the way reads codes and cookies.",
    "https:local": "Good for this machine alone; anywhere else it must be https.",
    "certificate:ends_soon": "Renew the certificate, and have it renewed by itself.",
    "certificate:unseen": "The certificate could not be seen.",
    "hsts:absent": "Send Strict-Transport-Security.",
    "hsts:short": "Let it last for half a year (15552000 seconds) at least.",
    "cookie:flags": "Give the cookie the flags that it lacks.",
    "callback:unreachable": _UNREACHABLE,
    "callback:not_there": "Nothing is there: nobody could end a login. Register the address that is served.",
    "callback:breaks": "It breaks when somebody comes without an answer: show a page that says so.",
    "errors:breaks": "It breaks with error=access_denied and an unknown state: show a page that says so.",
    "backchannel:takes_unsigned": "It takes a logout token that nobody signed: verify it (Back-Channel Logout 2.6).",
    "backchannel:not_there": "Nothing is there: notices of logout are lost.",
    "backchannel:breaks": "It breaks with a bad token: answer 400.",
    "backchannel:status": "It refuses, but not by 400 (Back-Channel Logout 2.8).",
    "backchannel:unreachable": _UNREACHABLE,
    "frontchannel:not_framed": (
        "The browser does not show it in a frame: what ends the session by a script does not run. "
        "Allow this service in frame-ancestors."
    ),
    "frontchannel:breaks": "It answers with an error.",
    "frontchannel:unreachable": _UNREACHABLE,
    "jwks:unreadable": "It is no set of keys in JSON.",
    "jwks:empty": "There is no key.",
    "jwks:private": "A private key is published: replace it today.",
    "jwks:weak": "An RSA key has less than 2048 bits.",
    "jwks:kid": "Give each key a kid of its own: without it keys cannot be replaced while running.",
    "jwks:unreachable": _UNREACHABLE,
}
