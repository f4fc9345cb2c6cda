#!/bin/sh
# Made the files of enhanced RTMP here, with the ffmpeg 9.0.2 of PyPI's imageio-ffmpeg: 0.4 s of 64x48 and a tone. The .txt
# files list the packets as it copies them: stream, pts, dts, size.
set -e
ffmpeg=${1:?usage: make9.sh FFMPEG}
cd "$(dirname "$0")"
video="-f lavfi -i testsrc2=s=64x48:r=25:d=0.4"
audio="-f lavfi -i sine=d=0.4:r=48000"
exact="-fflags +bitexact -flags:v +bitexact -flags:a +bitexact"
make() {
    name=$1
    shift
    "$ffmpeg" -v error -nostats -y "$@" $exact "$name.flv"
    "$ffmpeg" -v error -i "$name.flv" -map 0 -c copy -copyts -f framecrc - |
        sed -n 's/^\([0-9]*\), *\(-*[0-9]*\), *\(-*[0-9]*\), *[0-9]*, *\([0-9]*\),.*/\1,\3,\2,\4/p' |
        sort -s -t, -k1,1n > "$name.flv.txt"
}
make hevc_opus $video $audio -c:v libx265 -preset ultrafast -crf 40 -x265-params log-level=none:keyint=5:bframes=2:info=0 \
    -c:a libopus -b:a 32k
make av1_flac $video $audio -c:v libsvtav1 -preset 12 -crf 60 -g 5 -svtav1-params lp=1 -c:a flac -strict -2
make vp9_ac3 $video $audio -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -crf 60 -b:v 0 -g 5 -c:a ac3 -b:a 64k
make avc_eac3 $video $audio -c:v libx264 -crf 45 -g 5 -bf 2 -threads 1 -bsf:v filter_units=remove_types=6 -c:a eac3 -b:a 64k
make avc_mp3 $video $audio -c:v libx264 -crf 45 -g 5 -threads 1 -bsf:v filter_units=remove_types=6 -c:a libmp3lame -b:a 32k
make multi $video $video $audio $audio -map 0:v -map 1:v -map 2:a -map 3:a \
    -c:v libx264 -crf 45 -g 5 -threads 1 -bsf:v filter_units=remove_types=6 -c:a aac -b:a 32k
