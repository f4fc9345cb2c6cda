#!/bin/sh
# Made the files of codecs beyond AVC and AAC here, with the ffmpeg 9.0.2 of PyPI's imageio-ffmpeg: 0.4 s of 64x48 and a
# tone. The .txt files list the packets as ffprobe sees them: stream, pts, dts, size, key.
set -e
ffmpeg=${1:?usage: make9.sh FFMPEG}
cd "$(dirname "$0")"
make() {
    out=$1
    shift
    "$ffmpeg" -v error -nostats -y -f lavfi -i testsrc2=s=64x48:r=25:d=0.4 -f lavfi -i sine=d=0.4:r=48000 \
        -fflags +bitexact -flags:v +bitexact -flags:a +bitexact "$@" "$out"
    ffprobe -v error -show_entries packet=stream_index,pts,dts,size,flags -of csv=p=0 "$out" |
        sed -n 's/^\([^K_]*,[K_]\).*/\1/p' | sort -s -t, -k1,1n > "$out.txt"
}
make hevc_opus.mp4 -c:v libx265 -preset ultrafast -crf 40 -x265-params log-level=none:keyint=5:bframes=2:info=0 \
    -tag:v hvc1 -c:a libopus -b:a 32k
make av1_flac.mp4 -c:v libsvtav1 -preset 12 -crf 60 -g 5 -svtav1-params lp=1 -c:a flac -strict -2
make vp9_ac3.mp4 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -crf 60 -b:v 0 -g 5 -c:a ac3 -b:a 64k
make hev1_eac3.mp4 -c:v libx265 -preset ultrafast -crf 40 -x265-params log-level=none:keyint=5:bframes=2:info=0 \
    -tag:v hev1 -c:a eac3 -b:a 64k
make avc_mp3.mp4 -c:v libx264 -crf 45 -g 5 -threads 1 -bsf:v filter_units=remove_types=6 -c:a libmp3lame -b:a 32k
