//! unbound's library call, `ub_resolve`, over a server on loopback.
//!
//! The library is loaded at run time: to build this takes neither it nor its headers.
#![allow(unsafe_code, reason = "a C library")]

use std::{
    ffi::{CStr, CString, c_char, c_int, c_void},
    net::SocketAddr,
    ptr,
    sync::Arc,
};

use anyhow::{Context as _, Result, bail, ensure};
use libloading::Library;

use crate::{
    pairs::Subject,
    scene::{Kind, Scene, Zone},
    server::Server,
};

/// Version 8 of the library's interface.
const LIBRARY: &str = "libunbound.so.8";

/// The calls that are used, out of `unbound.h`.
pub(crate) struct Calls {
    create: unsafe extern "C" fn() -> *mut c_void,
    delete: unsafe extern "C" fn(*mut c_void),
    set_option: unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char) -> c_int,
    set_fwd: unsafe extern "C" fn(*mut c_void, *const c_char) -> c_int,
    add_ta: unsafe extern "C" fn(*mut c_void, *const c_char) -> c_int,
    resolve: unsafe extern "C" fn(*mut c_void, *const c_char, c_int, c_int, *mut *mut Answer) -> c_int,
    resolve_free: unsafe extern "C" fn(*mut Answer),
    strerror: unsafe extern "C" fn(c_int) -> *const c_char,
    version: unsafe extern "C" fn() -> *const c_char,
    /// The calls live as long as it does.
    _library: Library,
}

/// `struct ub_result`.
#[repr(C)]
struct Answer {
    qname: *mut c_char,
    qtype: c_int,
    qclass: c_int,
    data: *mut *mut c_char,
    len: *mut c_int,
    canonname: *mut c_char,
    rcode: c_int,
    answer_packet: *mut c_void,
    answer_len: c_int,
    havedata: c_int,
    nxdomain: c_int,
    secure: c_int,
    bogus: c_int,
    why_bogus: *mut c_char,
    was_ratelimited: c_int,
    ttl: c_int,
}

impl Calls {
    pub(crate) fn load() -> Result<Arc<Self>> {
        // SAFETY: libunbound's initialisers ask nothing of us, and each symbol has the type that `unbound.h` states.
        unsafe {
            let library = Library::new(LIBRARY)?;
            Ok(Arc::new(Self {
                create: *library.get(b"ub_ctx_create\0")?,
                delete: *library.get(b"ub_ctx_delete\0")?,
                set_option: *library.get(b"ub_ctx_set_option\0")?,
                set_fwd: *library.get(b"ub_ctx_set_fwd\0")?,
                add_ta: *library.get(b"ub_ctx_add_ta\0")?,
                resolve: *library.get(b"ub_resolve\0")?,
                resolve_free: *library.get(b"ub_resolve_free\0")?,
                strerror: *library.get(b"ub_strerror\0")?,
                version: *library.get(b"ub_version\0")?,
                _library: library,
            }))
        }
    }

    pub(crate) fn version(&self) -> String {
        // SAFETY: it returns a constant string.
        unsafe { CStr::from_ptr((self.version)()) }.to_string_lossy().into_owned()
    }

    fn check(&self, status: c_int) -> Result<()> {
        if status == 0 {
            return Ok(());
        }
        // SAFETY: it returns a constant string for every number.
        let words = unsafe { CStr::from_ptr((self.strerror)(status)) };
        bail!("libunbound: {}", words.to_string_lossy())
    }
}

/// Whether the library validates. Without it, what is left of a call's time is transport and unbound's own caches.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    Validating,
    Forwarding,
}

/// One `struct ub_ctx`: a resolver with caches of its own.
struct Resolver {
    calls: Arc<Calls>,
    context: *mut c_void,
}

impl Resolver {
    fn new(calls: &Arc<Calls>, server: SocketAddr, anchor: &str, mode: Mode) -> Result<Self> {
        // SAFETY: it takes nothing, and returns a context or null.
        let context = unsafe { (calls.create)() };
        ensure!(!context.is_null(), "libunbound makes no context");
        let this = Self { calls: Arc::clone(calls), context };
        let modules = match mode {
            Mode::Validating => "validator iterator",
            Mode::Forwarding => "iterator",
        };
        for (option, value) in [
            ("module-config:", modules),
            ("do-not-query-localhost:", "no"),
            ("do-ip6:", "no"),
            // Every name is to be asked for and proven, and nothing else is to be asked for.
            ("aggressive-nsec:", "no"),
            ("trust-anchor-signaling:", "no"),
        ] {
            let (option, value) = (CString::new(option)?, CString::new(value)?);
            // SAFETY: a live context and two strings, which it copies.
            calls.check(unsafe { (calls.set_option)(context, option.as_ptr(), value.as_ptr()) })?;
        }
        let server = CString::new(format!("{}@{}", server.ip(), server.port()))?;
        // SAFETY: a live context and a string, which it copies.
        calls.check(unsafe { (calls.set_fwd)(context, server.as_ptr()) })?;
        if mode == Mode::Validating {
            let anchor = CString::new(anchor)?;
            // SAFETY: as before.
            calls.check(unsafe { (calls.add_ta)(context, anchor.as_ptr()) })?;
        }
        Ok(this)
    }

    fn ask(&self, name: &CStr, record_type: u16, kind: Kind, mode: Mode) -> Result<()> {
        let mut answer: *mut Answer = ptr::null_mut();
        // SAFETY: a live context, a string, and a place for the result.
        let status = unsafe {
            (self.calls.resolve)(self.context, name.as_ptr(), record_type.into(), 1, &raw mut answer)
        };
        self.calls.check(status)?;
        // SAFETY: after success it points to a result, which is ours to free.
        let (secure, found, absent) =
            unsafe { ((*answer).secure != 0, (*answer).havedata != 0, (*answer).nxdomain != 0) };
        // SAFETY: it is not used any more.
        unsafe { (self.calls.resolve_free)(answer) };
        ensure!(secure == (mode == Mode::Validating), "libunbound has another status for {name:?}");
        let expected = match kind {
            Kind::Records => (true, false),
            Kind::NoData => (false, false),
            Kind::NxDomain => (false, true),
        };
        ensure!((found, absent) == expected, "libunbound has another answer for {name:?}");
        Ok(())
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        // SAFETY: it was created once, and nobody else has it.
        unsafe { (self.calls.delete)(self.context) };
    }
}

/// Questions to a resolver of the library's that has the zone's keys in its cache.
pub(crate) struct Unbound {
    scene: Arc<Scene>,
    zone: Zone,
    kind: Kind,
    mode: Mode,
    server: Arc<Server>,
    resolver: Resolver,
    next: usize,
    queued: Vec<(CString, u16)>,
}

impl Unbound {
    pub(crate) fn warm(
        calls: &Arc<Calls>,
        server: &Arc<Server>,
        scene: &Arc<Scene>,
        (zone, kind): (Zone, Kind),
        mode: Mode,
    ) -> Result<Self> {
        let resolver = Resolver::new(calls, server.address, &scene.anchor(), mode)?;
        let (scene, server) = (Arc::clone(scene), Arc::clone(server));
        let mut this = Self { scene, zone, kind, mode, server, resolver, next: 0, queued: Vec::new() };
        this.ready(1)?;
        this.run()?;
        Ok(this)
    }
}

impl Subject for Unbound {
    fn ready(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            let question = self.scene.question(self.zone, self.kind, self.next)?;
            self.next += 1;
            self.server.ready(&question)?;
            self.queued.push((CString::new(question.name.to_ascii())?, question.record_type.into()));
        }
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        let (name, record_type) = self.queued.pop().context("a question was made ready")?;
        self.resolver.ask(&name, record_type, self.kind, self.mode)
    }
}
