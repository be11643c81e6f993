"""The decision API: may this person do that here? (OpenID AuthZEN Authorization API 1.0)"""
