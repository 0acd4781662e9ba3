//! Certificates for the tests' servers: authorities that nobody else knows, and what they vouch for.
//!
//! Made anew in each test and gone with it. Files, because servers and clients read files.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use std::path::PathBuf;
use tempfile::TempDir;

/// Who vouches for servers.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// Two of one name differ in their keys.
    pub fn new(name: &str) -> Authority {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Authority(CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap())
    }

    /// What its clients are to be given.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// For a server by these names or addresses.
    pub fn certify(&self, names: &[&str]) -> Certificate {
        self.issue(parameters(names))
    }

    /// The same for one that was valid once.
    pub fn certify_for_the_past(&self, names: &[&str]) -> Certificate {
        let mut parameters = parameters(names);
        parameters.not_before = date_time_ymd(2020, 1, 1);
        parameters.not_after = date_time_ymd(2021, 1, 1);
        self.issue(parameters)
    }

    fn issue(&self, parameters: CertificateParams) -> Certificate {
        let key = KeyPair::generate().unwrap();
        let issuer: &Issuer<'static, KeyPair> = &self.0;
        let signed = parameters.signed_by(&key, issuer).unwrap();
        let certificate = Certificate { directory: tempfile::tempdir().unwrap() };
        std::fs::write(certificate.file(), signed.pem()).unwrap();
        std::fs::write(certificate.key_file(), key.serialize_pem()).unwrap();
        std::fs::write(certificate.authority_file(), self.pem()).unwrap();
        certificate
    }
}

fn parameters(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut parameters = CertificateParams::new(names).unwrap();
    // Otherwise it would have the issuer's default name, and look self-signed.
    parameters.distinguished_name.push(DnType::CommonName, "a server of the tests");
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    parameters
}

/// A server's certificate, its key and its authority's certificate, as PEM files with absolute paths.
pub struct Certificate {
    directory: TempDir,
}

impl Certificate {
    pub fn file(&self) -> PathBuf {
        self.directory.path().join("certificate.pem")
    }

    pub fn key_file(&self) -> PathBuf {
        self.directory.path().join("key.pem")
    }

    pub fn authority_file(&self) -> PathBuf {
        self.directory.path().join("authority.pem")
    }
}
