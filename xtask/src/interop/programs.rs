//! What must be installed.

use std::env;
use std::path::Path;

/// A program and where Debian has it.
pub(super) struct Program {
    pub(super) name: &'static str,
    pub(super) package: &'static str,
}

const PROGRAMS: [Program; 16] = [
    Program { name: "unshare", package: "util-linux" },
    Program { name: "mount", package: "mount" },
    Program { name: "ip", package: "iproute2" },
    Program { name: "openssl", package: "openssl" },
    Program { name: "named", package: "bind9" },
    Program { name: "dnssec-keygen", package: "bind9-utils" },
    Program { name: "dnssec-dsfromkey", package: "bind9-utils" },
    Program { name: "dnssec-revoke", package: "bind9-utils" },
    Program { name: "dnssec-signzone", package: "bind9-utils" },
    Program { name: "dig", package: "bind9-dnsutils" },
    Program { name: "ldns-keygen", package: "ldnsutils" },
    Program { name: "ldns-key2ds", package: "ldnsutils" },
    Program { name: "ldns-signzone", package: "ldnsutils" },
    Program { name: "unbound", package: "unbound" },
    Program { name: "postfix", package: "postfix" },
    Program { name: "posttls-finger", package: "postfix" },
];

/// Those of them that are in no folder of `PATH`.
pub(super) fn missing() -> Vec<&'static Program> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = env::split_paths(&path).collect();
    let is_installed = |program: &&Program| folders.iter().any(|folder| is_file(&folder.join(program.name)));
    PROGRAMS.iter().filter(|program| !is_installed(program)).collect()
}

fn is_file(path: &Path) -> bool {
    path.is_file()
}
