//! nginx: with its RTMP module, and as a plain web server.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::Command;

use crate::lab::Lab;
use crate::peers;
use crate::process::Process;
use crate::wait;

/// Where distributions keep the RTMP module.
const MODULE: &str = "/usr/lib/nginx/modules/ngx_rtmp_module.so";

/// nginx in one process on `port`. It records what is published to `live`, where `more` is said too, and takes nothing in
/// `shut`. `None` when it is not installed.
///
/// # Panics
/// When it does not listen.
#[must_use]
pub fn start(lab: &Lab, port: u16, more: &str) -> Option<Process> {
    peers::peer("nginx")?;
    peers::require("the RTMP module of nginx", Path::new(MODULE).exists())?;
    let config = format!(
        "load_module {MODULE};\nevents {{}}\ndaemon off; master_process off; pid nginx.pid; error_log error.log info;\n\
         rtmp {{ access_log off; server {{ listen 127.0.0.1:{port};\n\
         application live {{ live on; record all; record_path {}; {more} }}\n\
         application shut {{ live on; deny publish all; }} }} }}\n",
        lab.dir().display()
    );
    fs::write(lab.path("nginx.conf"), config).expect("the test's directory takes files");
    let mut command = Command::new(peers::tool("nginx"));
    command.arg("-c").arg(lab.path("nginx.conf")).arg("-p").arg(lab.dir());
    let nginx = Process::start("nginx", command, lab.dir());
    wait::until_true("nginx listens", || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
    Some(nginx)
}

/// nginx as a plain web server for the test's directory, on `port`. Requests are in `access.log`: the status and the URI of
/// each; `/report` may be asked for with whatever a page has to say. `None` when it is not installed.
///
/// # Panics
/// When it does not listen.
#[must_use]
pub fn web(lab: &Lab, port: u16) -> Option<Process> {
    peers::peer("nginx")?;
    let config = format!(
        "events {{}}\ndaemon off; master_process off; pid nginx.pid; error_log error.log info;\n\
         http {{ log_format asked '$status $request_uri'; access_log access.log asked; types {{ text/html html; \
         text/javascript js; application/vnd.apple.mpegurl m3u8; video/mp4 mp4 m4s; video/mp2t ts; }}\n\
         server {{ listen 127.0.0.1:{port}; root {}; location = /report {{ return 204; }} }} }}\n",
        lab.dir().display()
    );
    fs::write(lab.path("nginx.conf"), config).expect("the test's directory takes files");
    let mut command = Command::new(peers::tool("nginx"));
    command.arg("-c").arg(lab.path("nginx.conf")).arg("-p").arg(lab.dir());
    let nginx = Process::start("nginx", command, lab.dir());
    wait::until_true("nginx listens", || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
    Some(nginx)
}
