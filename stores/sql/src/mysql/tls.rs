//! TLS with rustls: a connection is encrypted to a server that was proven, or not at all.

use std::path::Path;

use mysql_async::SslOpts;
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Trusts the certificates in a file, or those that the system trusts.
pub(super) fn trusting(file: Option<&Path>) -> Result<SslOpts, String> {
    let mut certificates = match file {
        Some(file) => read(file)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    // Of the system's some may be of kinds that nobody uses any more.
    let good = |certificate: &CertificateDer<'_>| {
        let certificate = certificate.clone().into_owned();
        RootCertStore::empty().add(certificate).is_ok()
    };
    certificates.retain(good);
    if certificates.is_empty() {
        return Err("there is no certificate of an authority to trust".to_owned());
    }
    let roots = certificates.into_iter();
    Ok(SslOpts::default()
        .with_disable_built_in_roots(true)
        .with_root_certs(roots.map(|root| root.to_vec().into()).collect()))
}

fn read(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |error| format!("cannot read {}: {error}", file.display());
    CertificateDer::pem_file_iter(file)
        .map_err(wrong)?
        .collect::<Result<_, _>>()
        .map_err(wrong)
}

/// Decides which library does the cryptography, if the process has not yet. The driver takes
/// the process's choice, and panics if there is none and the program was built with several.
pub(super) fn choose_provider() {
    if CryptoProvider::get_default().is_none() {
        // Somebody else may have chosen meanwhile.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
}
