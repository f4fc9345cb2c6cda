/*
 * probe: a native filter that checks every verb, rightly and wrongly used, and says the line of the first that is off.
 * Built with -D options it is also every kind of library that must be refused. A test fixture, not an example.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weir.h"

#ifdef MISSING_SYMBOL
void no_such_function_anywhere(void);
#endif

static int failed_line;
#define CHECK(what) \
  do { \
    if (!(what)) { \
      failed_line = __LINE__; \
      return WEIR_E_INTERNAL; \
    } \
  } while (0)

struct probe {
  char mode[32];
  char mark[512]; /* A file to remove in destroy. */
  int step;
};

static int32_t say_where(weir_ctx *ctx) {
  char text[64];
  snprintf(text, sizeof text, "probe.c line %d does not hold", failed_line);
  return weir_fail(ctx, WEIR_E_INTERNAL, text);
}

static int32_t check_options(weir_options *o) {
  int64_t v = -9;
  const char *s = NULL;
  CHECK(weir_option_count(o, "flag") == 1 && weir_option_int(o, "flag", 0, &v) == 1 && v == 1);
  CHECK(weir_option_count(o, "ints") == 2 && weir_option_int(o, "ints", 1, &v) == 1 && v == 2000);
  CHECK(weir_option_count(o, "fps") == 2 && weir_option_int(o, "fps", 0, &v) == 1 && v == 30000);
  CHECK(weir_option_int(o, "fps", 1, &v) == 1 && v == 1001);
  CHECK(weir_option_int(o, "wait", 0, &v) == 1 && v == 1500);
  CHECK(weir_option_int(o, "size", 1, &v) == 1 && v == 360);
  CHECK(weir_option_count(o, "sizes") == 4 && weir_option_int(o, "sizes", 2, &v) == 1 && v == 320);
  CHECK(weir_option_str(o, "strs", 0, &s) == 1 && strcmp(s, "a,b") == 0);
  CHECK(weir_option_str(o, "secret", 0, &s) == 1 && strcmp(s, "$KEY") == 0);
  v = -9;
  CHECK(weir_option_count(o, "unset") == 0 && weir_option_int(o, "unset", 0, &v) == 0 && v == -9);
  CHECK(weir_option_int(o, "ints", 2, &v) == 0 && v == -9);
  CHECK(weir_option_str(o, "strs", 9, &s) == 0);
  CHECK(weir_option_count(o, "nope") == WEIR_E_ARGUMENT);
  CHECK(weir_option_count(o, NULL) == WEIR_E_ARGUMENT);
  CHECK(weir_option_int(o, "mode", 0, &v) == WEIR_E_ARGUMENT);
  CHECK(weir_option_str(o, "flag", 0, &s) == WEIR_E_ARGUMENT);
  CHECK(weir_option_int(o, "flag", 0, NULL) == WEIR_E_ARGUMENT);
  CHECK(weir_option_str(o, "mode", 0, NULL) == WEIR_E_ARGUMENT);
  CHECK(o->host->option_count(NULL, "flag") == WEIR_E_ARGUMENT);
  return WEIR_OK;
}

static int32_t create(weir_options *o, void **self) {
  struct probe *f = calloc(1, sizeof *f);
  const char *text = "";
  if (!f) return WEIR_E_LIMIT;
  weir_option_str(o, "mode", 0, &text);
  snprintf(f->mode, sizeof f->mode, "%s", text);
  if (!strcmp(text, "options") && check_options(o) != WEIR_OK) {
    char where[64];
    snprintf(where, sizeof where, "probe.c line %d does not hold", failed_line);
    free(f);
    return weir_options_fail(o, WEIR_E_INTERNAL, where);
  }
  if (!strcmp(text, "refuse")) {
    free(f);
    return weir_options_fail(o, WEIR_E_OPTION, "this mode is refused");
  }
  text = "";
  weir_option_str(o, "mark", 0, &text);
  snprintf(f->mark, sizeof f->mark, "%s", text);
  *self = f;
  return WEIR_OK;
}

static void destroy(void *self) {
  struct probe *f = self;
  if (f->mark[0]) remove(f->mark);
  free(f);
}

/* Opens output 0, raw pictures of 4x2, and makes one. */
static int32_t start(void *self, weir_ctx *ctx) {
  struct probe *f = self;
  if (!strcmp(f->mode, "startcode")) return WEIR_DONE;
  weir_log(ctx, WEIR_LOG_DEBUG, "started");
  return WEIR_OK;
}

static int32_t check_setters(weir_ctx *c) {
  static const uint8_t config[3] = {1, 2, 3};
  CHECK(weir_open(c) == WEIR_E_ARGUMENT); /* Nothing is set. */
  CHECK(weir_set_str(c, "StreamType", "Visual") == WEIR_OK);
  CHECK(weir_open(c) == WEIR_E_ARGUMENT); /* No codec. */
  CHECK(weir_set_str(c, "CodecID", "raw") == WEIR_OK);
  CHECK(weir_set_str(c, "CodecID", "nocodec") == WEIR_E_ARGUMENT);
  CHECK(weir_set_str(c, "CodecID", NULL) == WEIR_E_ARGUMENT);
  CHECK(weir_set_str(c, "CodecID", "\xff\xff") == WEIR_E_ARGUMENT);
  CHECK(weir_set_str(c, "Language", "de") == WEIR_OK);
  CHECK(weir_set_str(c, "Width", "4") == WEIR_E_ARGUMENT);
  CHECK(weir_set_str(c, "Nope", "4") == WEIR_E_ARGUMENT);
  CHECK(weir_set_str(c, NULL, "4") == WEIR_E_ARGUMENT);
  CHECK(weir_set_str(c, "PixelFormat", "yuv420") == WEIR_OK);
  CHECK(weir_set_uint(c, "Width", 4) == WEIR_OK && weir_set_uint(c, "Height", 2) == WEIR_OK);
  CHECK(weir_set_uint(c, "Unframed", 1) == WEIR_OK && weir_set_uint(c, "Unframed", 2) == WEIR_E_ARGUMENT);
  CHECK(weir_unset(c, "Unframed") == WEIR_OK && weir_unset(c, "Nope") == WEIR_E_ARGUMENT);
  CHECK(weir_set_int(c, "Delay", -5) == WEIR_OK && weir_set_int(c, "Width", -5) == WEIR_E_ARGUMENT);
  CHECK(weir_set_frac(c, "FPS", 25, 1) == WEIR_OK && weir_set_frac(c, "FPS", 25, 0) == WEIR_E_ARGUMENT);
  CHECK(weir_set_bytes(c, "DecoderConfig", config, 3) == WEIR_OK);
  CHECK(weir_set_bytes(c, "DecoderConfig", NULL, 3) == WEIR_E_ARGUMENT);
  CHECK(weir_set_bytes(c, "DecoderConfig", config, (size_t)-1) == WEIR_E_ARGUMENT);
  CHECK(weir_set_uint(c, "Timescale", 1000) == WEIR_OK);
  CHECK(weir_open(c) == 0);
  return WEIR_OK;
}

static int32_t check_sending(weir_ctx *c) {
  static const uint8_t picture[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  weir_packet p;
  memset(&p, 0, sizeof p);
  p.data = picture;
  p.len = sizeof picture;
  p.dts = 7;
  p.cts = 8;
  p.duration = 9;
  p.origin = 10;
  p.flags = WEIR_PACKET_KEY | WEIR_PACKET_DISCONTINUITY | 0x100;
  CHECK(weir_room(c, 0) == 1 && weir_room(c, 1) == WEIR_E_ARGUMENT);
  CHECK(weir_send(c, 0, &p) == WEIR_OK);
  CHECK(weir_send(c, 1, &p) == WEIR_E_ARGUMENT);
  CHECK(weir_send(c, 0, NULL) == WEIR_E_ARGUMENT);
  p.len = 11;
  CHECK(weir_send(c, 0, &p) == WEIR_E_ARGUMENT); /* Not the size of the picture. */
  p.len = (size_t)-1;
  CHECK(weir_send(c, 0, &p) == WEIR_E_ARGUMENT);
  p.len = 12, p.data = NULL;
  CHECK(weir_send(c, 0, &p) == WEIR_E_ARGUMENT);
  CHECK(weir_forward(c, 0) == WEIR_E_ARGUMENT); /* Nothing was taken. */
  CHECK(weir_end(c, 3) == WEIR_E_ARGUMENT);
  CHECK(weir_props_clear(c) == WEIR_OK && weir_set_props(c, 0) == WEIR_E_ARGUMENT);
  CHECK(weir_set_str(c, "StreamType", "File") == WEIR_OK && weir_set_props(c, 4) == WEIR_E_ARGUMENT);
  CHECK(weir_set_props(c, 0) == WEIR_OK);
  p.len = 2, p.data = picture;
  CHECK(weir_send(c, 0, &p) == WEIR_OK); /* No picture any more: any bytes. */
  return WEIR_OK;
}

static int32_t check_getters(weir_ctx *c) {
  uint64_t u = 99, v = 0;
  int64_t i = 0, num = 0;
  uint32_t den = 0;
  const char *s = NULL, *t = NULL;
  const uint8_t *data = NULL;
  size_t len = 0;
  CHECK(weir_get_uint(c, 0, "Width", &u) == 1 && u == 640);
  CHECK(weir_get_uint(c, 0, "Unframed", &v) == 1 && v == 1);
  CHECK(weir_get_uint(c, 0, "Bitrate", &u) == 0 && u == 640); /* Absent: stays. */
  CHECK(weir_get_int(c, 0, "Delay", &i) == 1 && i == -7);
  CHECK(weir_get_frac(c, 0, "FPS", &num, &den) == 1 && num == 30000 && den == 1001);
  CHECK(weir_get_str(c, 0, "CodecID", &s) == 1 && weir_get_str(c, 0, "Language", &t) == 1);
  CHECK(strcmp(s, "avc") == 0 && strcmp(t, "de") == 0);
  CHECK(weir_get_bytes(c, 0, "DecoderConfig", &data, &len) == 1 && len == 2 && data[0] == 0xaa && data[1] == 0xbb);
  CHECK(weir_get_uint(c, 0, "FPS", &u) == WEIR_E_ARGUMENT && weir_get_uint(c, 0, "Nope", &u) == WEIR_E_ARGUMENT);
  CHECK(weir_get_uint(c, 0, NULL, &u) == WEIR_E_ARGUMENT && weir_get_uint(c, 0, "Width", NULL) == WEIR_E_ARGUMENT);
  CHECK(weir_get_uint(c, 9, "Width", &u) == WEIR_E_ARGUMENT);
  CHECK(weir_get_int(c, 0, "Width", &i) == WEIR_E_ARGUMENT);
  CHECK(weir_get_frac(c, 0, "FPS", NULL, &den) == WEIR_E_ARGUMENT);
  CHECK(weir_get_str(c, 0, "Width", &s) == WEIR_E_ARGUMENT);
  CHECK(weir_get_bytes(c, 0, "DecoderConfig", &data, NULL) == WEIR_E_ARGUMENT);
  return WEIR_OK;
}

/* Input 0: properties, a packet of "ab", the end. */
static int32_t check_inputs(weir_ctx *c) {
  weir_packet p, q;
  uint64_t u;
  memset(&p, 0, sizeof p);
  CHECK(weir_input_count(c) == 1 && weir_settled(c) == 1);
  CHECK(weir_get_uint(c, 0, "Width", &u) == 0); /* Not taken yet. */
  CHECK(weir_props_from(c, 0) == WEIR_E_ARGUMENT);
  CHECK(weir_next(c, 1, &p) == WEIR_E_ARGUMENT && weir_peek(c, 1, &p) == WEIR_E_ARGUMENT);
  CHECK(weir_next(c, 0, NULL) == WEIR_E_ARGUMENT);
  CHECK(weir_peek(c, 0, &p) == WEIR_ITEM_PROPS && weir_next(c, 0, &p) == WEIR_ITEM_PROPS);
  CHECK(check_getters(c) == WEIR_OK);
  CHECK(weir_peek(c, 0, NULL) == WEIR_E_ARGUMENT);
  CHECK(weir_peek(c, 0, &p) == WEIR_ITEM_PACKET && p.len == 2 && !memcmp(p.data, "ab", 2));
  CHECK(weir_next(c, 0, &q) == WEIR_ITEM_PACKET && q.len == 2 && !memcmp(q.data, "ab", 2));
  CHECK(q.dts == 5 && q.cts == 6 && q.duration == 7 && q.origin == 8 && q.flags == WEIR_PACKET_KEY);
  CHECK(q.plane_count == 0 && q.planes[0].data == NULL);
  CHECK(weir_forward(c, 9) == WEIR_E_ARGUMENT);
  CHECK(weir_peek(c, 0, &p) == WEIR_ITEM_END && weir_next(c, 0, &p) == WEIR_ITEM_END);
  CHECK(weir_forward(c, 0) == WEIR_E_ARGUMENT); /* Not the item last taken. */
  CHECK(weir_next(c, 0, &p) == WEIR_ITEM_NONE && weir_peek(c, 0, &p) == WEIR_ITEM_NONE);
  CHECK(weir_request_key(c, 0) == WEIR_OK && weir_request_key(c, 5) == WEIR_E_ARGUMENT);
  CHECK(weir_log(c, 7, "x") == WEIR_E_ARGUMENT && weir_log(c, WEIR_LOG_INFO, NULL) == WEIR_E_ARGUMENT);
  CHECK(weir_now(c) == 0 && weir_utc(c) == UINT64_C(1700000000000000));
  CHECK(c->host->next(NULL, 0, &p) == WEIR_E_ARGUMENT && c->host->now(NULL) == 0);
  return WEIR_OK;
}

static int32_t verbs(weir_ctx *ctx) {
  int32_t code = check_setters(ctx);
  if (!code) code = check_sending(ctx);
  if (!code) code = check_inputs(ctx);
  if (code) return say_where(ctx);
  weir_end(ctx, 0);
  return WEIR_DONE;
}

static int32_t process(void *self, weir_ctx *ctx) {
  struct probe *f = self;
#ifdef MISSING_SYMBOL
  no_such_function_anywhere();
#endif
  if (!strcmp(f->mode, "verbs")) return verbs(ctx);
  if (!strcmp(f->mode, "silent")) return WEIR_E_IO;
  if (!strcmp(f->mode, "code")) return 77;
  if (!strcmp(f->mode, "until")) return f->step++ ? WEIR_DONE : weir_until(ctx, 2500);
  if (!strcmp(f->mode, "notime")) return WEIR_UNTIL;
  if (!strcmp(f->mode, "misuse")) return weir_end(ctx, 12);
  if (!strcmp(f->mode, "ignore")) {
    weir_end(ctx, 12);
    return f->step++ < 3 ? WEIR_AGAIN : WEIR_DONE;
  }
  return WEIR_IDLE;
}

static int32_t event(void *self, weir_ctx *ctx, uint32_t kind, uint32_t output) {
  char text[64];
  (void)self;
  snprintf(text, sizeof text, "event %u %u", (unsigned)kind, (unsigned)output);
  weir_log(ctx, WEIR_LOG_INFO, text);
  return kind == WEIR_EVENT_STOP ? weir_fail(ctx, WEIR_E_INPUT, "stopped") : WEIR_OK;
}

static const weir_option options[] = {
    {"mode", WEIR_TYPE_ENUM, 0, 0, 0,
     "idle|options|refuse|verbs|silent|code|until|notime|misuse|ignore|startcode", "idle", "What to do"},
    {"mark", WEIR_TYPE_STR, 0, 0, 0, NULL, NULL, "A file to remove at the end"},
    {"flag", WEIR_TYPE_BOOL, 0, 0, 0, NULL, "yes", "A flag"},
    {"ints", WEIR_TYPE_INTS, 0, 0, 0, NULL, "1,2k", "Numbers"},
    {"fps", WEIR_TYPE_FRAC, 0, 0, 0, NULL, "30000/1001", "A fraction"},
    {"wait", WEIR_TYPE_MILLIS, 0, 0, 0, NULL, "1.5s", "A time"},
    {"size", WEIR_TYPE_SIZE, 0, 0, 0, NULL, "640x360", "A size"},
    {"sizes", WEIR_TYPE_SIZES, 0, 0, 0, NULL, "640x360,320x180", "Sizes"},
    {"strs", WEIR_TYPE_STRS, 0, 0, 0, NULL, "a,,b,c", "Texts"},
    {"secret", WEIR_TYPE_SECRET, 0, 0, 0, NULL, "$KEY", "A key"},
    {"unset", WEIR_TYPE_INT, 0, -5, 5, NULL, NULL, "No default"},
};
static const weir_cap any[] = {{"StreamType", "File", WEIR_CAP_EXCLUDED, 0}, {"Width", "640", WEIR_CAP_OPTIONAL, 0}};
static const weir_bundle bundles[] = {{any, any, 2, 1}};

static weir_plugin plugin = {
    .head = WEIR_HEAD,
#ifdef UPPER_CASE
    .name = "Probe",
#else
    .name = "probe",
#endif
    .summary = "Checks the plugin interface",
    .role = WEIR_ROLE_TRANSFORM,
    .flags = WEIR_PLUGIN_AUTOMATIC,
    .max_inputs = 3,
    .option_count = sizeof options / sizeof *options,
    .options = options,
    .bundles = bundles,
    .bundle_count = 1,
    .create = create,
    .start = start,
    .process = process,
    .event = event,
    .destroy = destroy,
};

const weir_plugin *weir_plugin_entry(uint32_t abi) {
#ifdef OTHER_ABI
  plugin.head.abi = OTHER_ABI;
#endif
#ifdef OTHER_SIZE
  plugin.head.packet_size = OTHER_SIZE;
#endif
#ifdef NOTHING
  return NULL;
#endif
  return abi ? &plugin : NULL;
}
