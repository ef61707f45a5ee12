//! The origin of a web page, as browsers send it.

use crate::web_authority::WebAuthority;

/// An origin (RFC 6454, section 6.2): `https://` or `http://`, a host in lower case, and a port if it is not the
/// scheme's default; nothing after that. It is only validated: an allowed origin is stored as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(Box<str>);

/// The text is not an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an origin must be https:// or http://, a host in lower case, and optionally a port")]
pub struct InvalidOrigin;

impl Origin {
    /// Parses an origin in the form that browsers send.
    ///
    /// # Errors
    /// [`InvalidOrigin`] if the text is not an origin, or is in a form that no browser sends.
    pub fn parse(text: &str) -> Result<Self, InvalidOrigin> {
        let (scheme, own_port) = if text.starts_with("https://") { ("https://", 443) } else { ("http://", 80) };
        let authority = text.strip_prefix(scheme).and_then(WebAuthority::parse).ok_or(InvalidOrigin)?;
        let spelt = format!("{scheme}{}", authority.without(&[own_port]).in_url());
        if spelt == text { Ok(Self(spelt.into())) } else { Err(InvalidOrigin) }
    }

    /// The origin as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_parser_accepts_only_the_form_of_browsers() {
        for good in [
            "https://app.example.com",
            "https://app.example.com:80",
            "http://localhost:5173",
            "https://127.0.0.1",
            "http://[::1]:8080",
            "http://[2001:db8::a]",
            "http://[::ffff:102:304]",
        ] {
            assert_eq!(Origin::parse(good).as_ref().map(Origin::as_str), Ok(good));
        }
        for bad in [
            "",
            "*",
            "null",
            "app.example.com",
            "https://",
            "https://]",
            "https://[",
            "https://[::1",
            "https://[::01]",
            "http://[::ffff:1.2.3.4]",
            "https://-a.example",
            "https://a..example",
            "https://App.example.com",
            "https://a.example/",
            "https://a.example:443",
            "http://a.example:80",
            "https://a.example:0443",
            "https://a.example:0",
            "https://a.example:99999",
            "https://a.example:",
            "https://a@b",
            "https://a b",
            "ftp://a.example",
        ] {
            assert_eq!(Origin::parse(bad), Err(InvalidOrigin), "{bad}");
        }
    }
}
