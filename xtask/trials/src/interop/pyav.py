import sys, time
import av

role, url, path = sys.argv[1:4]
secure = {"tls_verify": "0"} if url.startswith("rtmps") else {}
if role == "play":
    source = av.open(url, timeout=20, options=secure)
    target = av.open(path, "w", format="flv", options={"flush_packets": "1"})
else:
    source = av.open(path)
    target = av.open(url, "w", format="flv")
streams = {s.index: target.add_stream_from_template(s) for s in source.streams}
start = time.monotonic()
try:
    for packet in source.demux():
        if packet.dts is None:
            continue
        due = float(packet.dts * packet.time_base) - (time.monotonic() - start)
        if role == "publish" and due > 0:
            time.sleep(due)
        packet.stream = streams[packet.stream.index]
        target.mux(packet)
except av.error.FFmpegError as e:
    print(e, file=sys.stderr)
target.close()
