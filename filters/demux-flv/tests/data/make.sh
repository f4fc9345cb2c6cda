#!/bin/sh
# Made the file here, with ffmpeg 5.1.9 and libx264 164: a second of 96x64 with B-frames and a mono tone. The .txt file
# lists the packets as ffprobe sees them: stream, pts, dts, size, key.
set -e
cd "$(dirname "$0")"
ffmpeg -v error -y -f lavfi -i testsrc2=size=96x64:rate=25:duration=1 \
    -f lavfi -i sine=frequency=440:sample_rate=44100:duration=1 \
    -c:v libx264 -preset veryfast -crf 45 -g 10 -bf 2 -b_strategy 0 -threads 1 -pix_fmt yuv420p \
    -bsf:v filter_units=remove_types=6 -c:a aac -ac 1 -b:a 16k \
    -fflags +bitexact -flags:v +bitexact -flags:a +bitexact av.flv
ffprobe -v error -show_entries packet=stream_index,pts,dts,size,flags -of csv=p=0 av.flv |
    sed -n 's/^\([^K_]*,[K_]\).*/\1/p' | sort -s -t, -k1,1n > av.flv.txt
