//! Starting the servers of all scenarios.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::LabError;
use crate::dns::{DnsServer, PathRule, World, ZoneSpec};
use crate::https::{self, Answers};
use crate::journal::CurrentJournal;
use crate::pki::{Certificate, Identity, Pki};
use crate::scenario::{Scenario, TamperRule, Zone, expand};
use crate::smtp;

pub(super) const TRUST_ANCHOR: &str = "trust-anchor.zone";
pub(super) const ROOT_HINTS: &str = "root.hints";
pub(super) const CA_FILE: &str = "ca.pem";
pub(super) const MESSAGE: &str = "message.eml";
pub(super) const SENDER: &str = "sender@elsewhere.example";

/// What the DNS server is called in the certificate that it presents over TLS.
const RESOLVER: &str = "resolver.lab";

/// The key of the policy host among a scenario's servers.
const POLICY_HOST: &str = "mta-sts";

/// What one scenario needs while it is up.
pub(super) struct Running {
    pub(super) journal: CurrentJournal,
    pub(super) addresses: BTreeMap<String, IpAddr>,
    pub(super) policy_host: Option<https::Restartable>,
    /// The zone that the first fetch changes: origin, and text at the start.
    pub(super) changing_zone: Option<(String, String)>,
    pub(super) destination: String,
    pub(super) arguments: Vec<String>,
    pub(super) check_arguments: Vec<String>,
    pub(super) case: Option<PathBuf>,
}

/// Everything that is up.
pub(super) struct SetUp {
    pub(super) running: BTreeMap<String, Running>,
    pub(super) dns: Arc<DnsServer>,
    pub(super) port: u16,
    pub(super) policy_port: u16,
}

impl SetUp {
    /// Starts all servers on the current runtime, and writes what `mxtls` reads into `directory`.
    pub(super) async fn start(scenarios: &[Scenario], directory: &Path) -> Result<Self, LabError> {
        let pki = Pki::new();
        let mut addresses = Addresses::new();
        let sites: Vec<Site> =
            scenarios.iter().map(|scenario| Site::new(scenario, &pki, &mut addresses)).collect();

        // One address more of each kind, where nobody listens later: it settles the port where no scenario does.
        let spare = [addresses.take()];
        let mail: Vec<IpAddr> = sites.iter().flat_map(Site::mail_addresses).chain(spare).collect();
        let heard: Vec<IpAddr> = sites.iter().filter_map(Site::heard_policy_host).chain(spare).collect();
        let (port, mut mail_listeners) = bind(&mail).await?;
        let (policy_port, mut policy_listeners) = bind(&heard).await?;

        let mut zones = vec![ZoneSpec::new("lab", "nsec".parse()?, "")];
        let mut rules = Vec::new();
        for site in &sites {
            zones.extend(site.zones(port)?);
            rules.extend(site.path_rules(port)?);
        }
        let world = World::new(zones)?;
        std::fs::write(directory.join(TRUST_ANCHOR), world.trust_anchor() + "\n")?;
        std::fs::write(directory.join(CA_FILE), pki.roots_pem())?;
        std::fs::write(directory.join(MESSAGE), message())?;
        let resolver = pki.issue(&Certificate::default(), RESOLVER, RESOLVER);
        let dns = Arc::new(DnsServer::start(world).await?.with_tls(resolver.server_config()).await?);
        std::fs::write(directory.join(ROOT_HINTS), dns.root_hints())?;
        for rule in rules {
            dns.tamper(rule)?;
        }

        let mut running = BTreeMap::new();
        for site in sites {
            let journal = CurrentJournal::new();
            let scenario = site.scenario;
            for (key, personality) in &scenario.servers {
                let server = smtp::Server {
                    host: scenario.host(key),
                    personality: personality.clone(),
                    tls: site.identities[key].server_config(),
                    journal: journal.clone(),
                };
                server.serve(mail_listeners.remove(&site.addresses[key]).expect("bound above"));
            }
            let mut changing_zone = None;
            let mut policy_host = None;
            if let Some(personality) = &scenario.policy_host {
                let text = |text: &Option<String>| match text {
                    None => Ok(None),
                    Some(text) => site.fill_in(text, port).map(Some),
                };
                let mut personality = personality.clone();
                personality.policy = text(&personality.policy)?;
                personality.location = text(&personality.location)?;
                if personality.then_gone.is_some() {
                    changing_zone = Some((scenario.domain.clone(), site.fill_in(&scenario.zone.text, port)?));
                }
                let (dns, owner) = (Arc::clone(&dns), format!("_mta-sts.{}", scenario.domain));
                let new_record = personality.then_gone.clone().unwrap_or_default();
                let server = https::Server {
                    personality,
                    tls: site.identities[POLICY_HOST].server_config(),
                    journal: journal.clone(),
                    first_fetch: Arc::new(move || {
                        dns.replace_txt(&owner, &new_record).expect("the record's zone is there");
                    }),
                };
                if let Some(listener) = policy_listeners.remove(&site.addresses[POLICY_HOST]) {
                    policy_host = Some(https::Restartable::start(server, listener));
                }
            }
            let case = match &scenario.case {
                None => None,
                Some(text) => {
                    let file = directory.join(format!("{}.json5", scenario.name));
                    std::fs::write(&file, site.fill_in(text, port)?)?;
                    Some(file)
                }
            };
            let fill_in_all = |texts: &[String]| -> Result<Vec<String>, LabError> {
                texts.iter().map(|text| site.fill_in(text, port)).collect()
            };
            let of_scenario = Running {
                journal,
                policy_host,
                changing_zone,
                destination: site.fill_in(&scenario.destination, port)?,
                arguments: fill_in_all(&scenario.arguments)?,
                check_arguments: fill_in_all(&scenario.check_arguments)?,
                case,
                addresses: site.addresses,
            };
            running.insert(scenario.name.clone(), of_scenario);
        }
        Ok(Self { running, dns, port, policy_port })
    }
}

/// A scenario with its addresses and keys.
struct Site<'a> {
    scenario: &'a Scenario,
    addresses: BTreeMap<String, IpAddr>,
    identities: BTreeMap<String, Identity>,
}

impl<'a> Site<'a> {
    fn new(scenario: &'a Scenario, pki: &Pki, free: &mut Addresses) -> Self {
        let mut site = Self { scenario, addresses: BTreeMap::new(), identities: BTreeMap::new() };
        let servers = scenario.servers.iter().map(|(key, server)| (key.as_str(), &server.certificate));
        let policy_host = scenario.policy_host.iter().map(|host| (POLICY_HOST, &host.certificate));
        for (key, certificate) in servers.chain(policy_host) {
            let wanted = certificate.clone().unwrap_or_default();
            let identity = pki.issue(&wanted, &scenario.host(key), &scenario.domain);
            site.identities.insert(key.to_owned(), identity);
            site.addresses.insert(key.to_owned(), free.take());
        }
        site
    }

    fn mail_addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.scenario.servers.keys().map(|key| self.addresses[key])
    }

    fn heard_policy_host(&self) -> Option<IpAddr> {
        let host = self.scenario.policy_host.as_ref()?;
        (host.answers != Some(Answers::Unheard)).then(|| self.addresses[POLICY_HOST])
    }

    fn zones(&self, port: u16) -> Result<Vec<ZoneSpec>, LabError> {
        let own = ("{domain}".to_owned(), &self.scenario.zone);
        let others = self.scenario.zones.iter().map(|(origin, zone)| (origin.clone(), zone));
        std::iter::once(own)
            .chain(others)
            .map(|(origin, Zone { signing, text })| {
                let signing = signing.as_deref().unwrap_or("nsec").parse()?;
                Ok(ZoneSpec::new(&self.fill_in(&origin, port)?, signing, &self.fill_in(text, port)?))
            })
            .collect()
    }

    fn path_rules(&self, port: u16) -> Result<Vec<PathRule>, LabError> {
        let mut rules = Vec::new();
        for TamperRule { questions, with, from } in &self.scenario.tamper {
            let with = self.fill_in(with, port)?;
            for question in questions {
                let question = self.fill_in(question, port)?;
                let Some((name, rtype)) = question.split_once(' ') else {
                    return Err(self.error(format!("{question:?} is no question: expected NAME TYPE")));
                };
                let name = match name {
                    "@" => self.scenario.domain.clone(),
                    absolute if absolute.ends_with('.') => absolute.to_owned(),
                    below => format!("{below}.{}", self.scenario.domain),
                };
                let mut rule = PathRule::new(&format!("{name} {rtype}"), with.parse()?)?;
                if let Some(from) = from {
                    rule = rule.from_query(*from);
                }
                rules.push(rule);
            }
        }
        Ok(rules)
    }

    /// `text` with its placeholders filled in.
    fn fill_in(&self, text: &str, port: u16) -> Result<String, LabError> {
        let address = |key: &str| match self.addresses.get(key) {
            Some(address) => Ok(address.to_string()),
            None => Err(format!("there is no server {key}")),
        };
        let identity = |key: &str| match self.identities.get(key) {
            Some(identity) => Ok(identity),
            None => Err(format!("there is no server {key}")),
        };
        let value = |word: &str, arguments: &[&str]| match (word, arguments) {
            ("name", []) => Ok(self.scenario.name.clone()),
            ("domain", []) => Ok(self.scenario.domain.clone()),
            ("port", []) => Ok(port.to_string()),
            ("ip", [key]) => address(key),
            ("host", [key]) => Ok(self.scenario.host(key)),
            ("tlsa", [key, fields @ ..]) => {
                let [usage, selector, matching] = numbers(fields)?;
                identity(key)?.tlsa(usage, selector, matching)
            }
            ("tlsa-wrong", [key, fields @ ..]) => {
                let [usage, selector, matching] = numbers(fields)?;
                identity(key)?.wrong_tlsa(usage, selector, matching)
            }
            _ => Err("no such placeholder".to_owned()),
        };
        expand(text, value).map_err(|message| self.error(message))
    }

    fn error(&self, message: String) -> LabError {
        LabError::Scenario { name: self.scenario.name.clone(), message }
    }
}

/// The three numbers of a TLSA record.
fn numbers(fields: &[&str]) -> Result<[u8; 3], String> {
    let [usage, selector, matching] = fields else {
        return Err("expected a server, and usage, selector and matching type".to_owned());
    };
    let number = |text: &str| text.parse().map_err(|error| format!("{text:?}: {error}"));
    Ok([number(usage)?, number(selector)?, number(matching)?])
}

/// Loopback addresses, each given out once.
struct Addresses(u16);

impl Addresses {
    fn new() -> Self {
        Self(0)
    }

    fn take(&mut self) -> IpAddr {
        self.0 = self.0.checked_add(1).expect("fewer servers than addresses");
        let [high, low] = self.0.to_be_bytes();
        IpAddr::V4(Ipv4Addr::new(127, 80, high, low))
    }
}

/// Listeners by address, all on one port.
type Listeners = BTreeMap<IpAddr, tokio::net::TcpListener>;

async fn bind(addresses: &[IpAddr]) -> Result<(u16, Listeners), LabError> {
    let (port, listeners) = match smtp::bind_common_port(addresses).await {
        Ok(bound) => bound,
        Err((address, source)) if source.kind() == std::io::ErrorKind::AddrNotAvailable => {
            return Err(LabError::Loopback { address, source });
        }
        Err((_, source)) => return Err(source.into()),
    };
    Ok((port, addresses.iter().copied().zip(listeners).collect()))
}

fn message() -> String {
    "From: sender@elsewhere.example\r\nTo: postmaster\r\nSubject: from the lab\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\n\
     Message-ID: <1@elsewhere.example>\r\n\r\nA line.\r\n.A line that begins with a dot.\r\n"
        .to_owned()
}
