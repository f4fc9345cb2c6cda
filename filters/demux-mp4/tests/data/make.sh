#!/bin/sh
# Made the files here, with ffmpeg 5.1.9 and libx264 164: a second of 96x64 with B-frames and a mono tone. The .txt
# files list the packets as ffprobe sees them: stream, pts, dts, size, key.
set -e
cd "$(dirname "$0")"
make() {
    out=$1; shift
    ffmpeg -v error -y -f lavfi -i testsrc2=size=96x64:rate=25:duration=1 \
        -itsoffset "${LATE:-0}" -f lavfi -i sine=frequency=440:sample_rate=44100:duration=1 \
        -c:v libx264 -preset veryfast -crf 45 -g 10 -bf 2 -b_strategy 0 -threads 1 -pix_fmt yuv420p \
        -bsf:v filter_units=remove_types=6 -c:a aac -ac 1 -b:a 16k \
        -fflags +bitexact -flags:v +bitexact -flags:a +bitexact -metadata:s:a language=fra "$@" "$out"
    ffprobe -v error -show_entries packet=stream_index,pts,dts,size,flags -of csv=p=0 "$out" |
        sed -n 's/^\([^K_]*,[K_]\).*/\1/p' | sort -s -t, -k1,1n > "$out.txt"
}
make end.mp4                                                                      # moov at the end, edit lists
LATE=0.3 make late.mp4 -movflags +faststart                                       # sound begins later: an empty edit
make quicktime.mov                                                                # version 1 sound description
make negative.mp4 -movflags +faststart+negative_cts_offsets                       # shown before decoded, by the index
make frag.mp4 -movflags +frag_keyframe+empty_moov                                 # explicit data offsets
make hybrid.mp4 -movflags +frag_keyframe+default_base_moof                        # first samples in moov
make apart.mp4 -movflags +frag_keyframe+delay_moov+omit_tfhd_offset+separate_moof # one fragment a track, edit lists
