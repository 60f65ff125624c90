//! An upstream with a world of its own, and resolvers that ask it alone.

use std::time::Duration;

use mx_resolve::{Dnssec, MxResolver, MxResolverBuilder};
use mxtls_lab::dns::{DnsServer, PathRule, World};

pub(crate) struct Site {
    pub(crate) server: DnsServer,
    anchor: tempfile::NamedTempFile,
}

impl Site {
    pub(crate) async fn start(world: World) -> Self {
        let server = DnsServer::start(world).await.unwrap();
        let anchor = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(anchor.path(), server.trust_anchor() + "\n").unwrap();
        Self { server, anchor }
    }

    pub(crate) fn tamper(&self, question: &str, way: &str) {
        self.server.tamper(PathRule::new(question, way.parse().unwrap()).unwrap()).unwrap();
    }

    pub(crate) fn builder(&self, timeout: Duration) -> MxResolverBuilder {
        MxResolver::builder()
            .dnssec(Dnssec::Validate)
            .upstream(self.server.address())
            .trust_anchor_file(self.anchor.path())
            .timeout(timeout)
    }
}
