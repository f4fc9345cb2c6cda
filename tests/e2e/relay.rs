//! Another server between weir and the player: nginx pulls the stream, in its own style of RTMP, and serves it on.

use std::fs;
use std::path::Path;
use std::process::Command;

use weir_tests::peers::{self, Player};
use weir_tests::{Lab, Process, Recording, Signal};

/// Where distributions keep the RTMP module of nginx.
const MODULE: &str = "/usr/lib/nginx/modules/ngx_rtmp_module.so";

#[test]
fn nginx_pulls_and_serves_on() {
    let Some(_) = peers::peer("nginx") else { return };
    let Some(_) = peers::require("the RTMP module of nginx", Path::new(MODULE).exists()) else { return };
    let lab = Lab::new();
    let [ours, theirs] = lab.ports();
    let weir = lab
        .weir(&format!(
            "-logs=net@info avgen:sizes=240x160:rates=200k c=avc:g=25 c=aac -o rtmp://127.0.0.1:{ours}/live:rtmp_listen=1"
        ))
        .listening([ours]);
    let _nginx = nginx(&lab, theirs, &format!("rtmp://127.0.0.1:{ours}/live/key1"));
    weir.wait_for_players(1);
    let mut player = Player::Ffmpeg.record(&format!("rtmp://127.0.0.1:{theirs}/live/x"), lab.dir(), "got.flv");
    lab.wait_for_file("got.flv", 150_000);
    player.signal(Signal::Int);
    drop(player.wait()); // interrupted; its file is what counts
    weir.stop().with(0);
    Recording::of(&lab.path("got.flv")).is_whole(50);
}

/// nginx in one process, which pulls `url` as `live/x`.
fn nginx(lab: &Lab, port: u16, url: &str) -> Process {
    let config = format!(
        "load_module {MODULE};\n\
         events {{}}\n\
         daemon off; master_process off; pid nginx.pid; error_log error.log info;\n\
         rtmp {{ server {{ listen 127.0.0.1:{port}; application live {{\n\
         live on; wait_key on; wait_video on; pull {url} name=x static;\n\
         }} }} }}\n"
    );
    fs::write(lab.path("nginx.conf"), config).expect("the test's directory takes files");
    let mut command = Command::new(peers::tool("nginx"));
    command.arg("-c").arg(lab.path("nginx.conf")).arg("-p").arg(lab.dir());
    Process::start("nginx", command, lab.dir())
}
