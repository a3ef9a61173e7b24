//! Why there is no TLS session, told apart by what somebody has to do about it.

use rustls::{AlertDescription, CertificateError, Error};

/// What is wrong between us and the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsFault {
    /// Its certificate has run out.
    Expired,
    /// Its certificate does not hold yet.
    NotYetValid,
    /// Its certificate is for other names.
    WrongName,
    /// Nobody whom we trust has signed its certificate.
    Untrusted,
    /// Its certificate cannot be used for anything else.
    UnfitCertificate,
    /// It speaks no version that we speak: 1.2 and 1.3.
    Version,
    /// It wants a certificate of ours, or another one.
    OurCertificate,
    /// It does not speak TLS, or says no without a reason.
    Other,
}

impl From<&Error> for TlsFault {
    fn from(error: &Error) -> Self {
        if let Error::InvalidCertificate(certificate) = error {
            return of_certificate(certificate);
        }
        if let Error::AlertReceived(alert) = error {
            return of_alert(*alert);
        }
        if matches!(error, Error::PeerIncompatible(_)) {
            return Self::Version;
        }
        Self::Other
    }
}

fn of_certificate(error: &CertificateError) -> TlsFault {
    use CertificateError as Why;
    if matches!(error, Why::Expired | Why::ExpiredContext { .. }) {
        TlsFault::Expired
    } else if matches!(error, Why::NotValidYet | Why::NotValidYetContext { .. }) {
        TlsFault::NotYetValid
    } else if matches!(
        error,
        Why::NotValidForName | Why::NotValidForNameContext { .. }
    ) {
        TlsFault::WrongName
    } else if matches!(error, Why::UnknownIssuer | Why::BadSignature) {
        TlsFault::Untrusted
    } else {
        TlsFault::UnfitCertificate
    }
}

fn of_alert(alert: AlertDescription) -> TlsFault {
    use AlertDescription as Said;
    if alert == Said::ProtocolVersion {
        return TlsFault::Version;
    }
    let is_ours = matches!(
        alert,
        Said::CertificateRequired
            | Said::NoCertificate
            | Said::BadCertificate
            | Said::UnsupportedCertificate
            | Said::CertificateRevoked
            | Said::CertificateExpired
            | Said::CertificateUnknown
            | Said::UnknownCA
            | Said::AccessDenied
    );
    if is_ours {
        TlsFault::OurCertificate
    } else {
        TlsFault::Other
    }
}
