/*
 * cgain: makes raw sound louder or quieter. Shows options, properties, errors and packets made anew.
 *
 *   cc -std=c99 -shared -fPIC -I ../include -o cgain.so cgain.c -lm
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "weir.h"

/* Packets taken in one call of process. */
#define BUDGET 8

struct cgain {
  float factor;
  int opened;
  float *samples; /* The packet being made. */
  size_t room;    /* Bytes it can hold. */
};

static int32_t create(weir_options *options, void **self) {
  int64_t num = 0, den = 1;
  struct cgain *f;
  weir_option_int(options, "db", 0, &num);
  weir_option_int(options, "db", 1, &den);
  if (num > 60 * den || num < -60 * den) return weir_options_fail(options, WEIR_E_OPTION, "db is beyond 60 decibels");
  f = calloc(1, sizeof *f);
  if (!f) return weir_options_fail(options, WEIR_E_LIMIT, "there is no memory");
  f->factor = powf(10.0f, (float)num / (float)den / 20.0f);
  *self = f;
  return WEIR_OK;
}

static void destroy(void *self) {
  struct cgain *f = self;
  free(f->samples);
  free(f);
}

static int32_t on_props(struct cgain *f, weir_ctx *ctx) {
  const char *format = "";
  weir_get_str(ctx, 0, "AudioFormat", &format);
  if (strcmp(format, "flt") != 0) return weir_fail(ctx, WEIR_E_UNSUPPORTED, "only samples of format flt can be used");
  weir_props_from(ctx, 0);
  if (f->opened) return weir_set_props(ctx, 0);
  f->opened = 1;
  return weir_open(ctx) < 0 ? WEIR_E_INTERNAL : WEIR_OK;
}

static int32_t on_packet(struct cgain *f, weir_ctx *ctx, const weir_packet *in) {
  weir_packet out = *in; /* Times, flags and origin. */
  size_t i, count = in->len / sizeof(float);
  if (in->len % sizeof(float)) return weir_fail(ctx, WEIR_E_INPUT, "a packet ends within a sample");
  if (f->room < in->len) {
    float *samples = realloc(f->samples, in->len);
    if (!samples) return weir_fail(ctx, WEIR_E_LIMIT, "there is no memory");
    f->samples = samples;
    f->room = in->len;
  }
  if (count) memcpy(f->samples, in->data, in->len); /* Input may lie at any address. */
  for (i = 0; i < count; i++) f->samples[i] = fmaxf(-1.0f, fminf(1.0f, f->samples[i] * f->factor));
  out.data = (const uint8_t *)f->samples;
  return weir_send(ctx, 0, &out);
}

static int32_t process(void *self, weir_ctx *ctx) {
  struct cgain *f = self;
  weir_packet packet;
  int32_t n, error = WEIR_OK;
  for (n = 0; n < BUDGET && !error; n++) {
    if (f->opened && !weir_room(ctx, 0)) return WEIR_IDLE;
    switch (weir_next(ctx, 0, &packet)) {
      case WEIR_ITEM_PROPS: error = on_props(f, ctx); break;
      case WEIR_ITEM_PACKET: error = on_packet(f, ctx, &packet); break;
      case WEIR_ITEM_END:
        if (f->opened) weir_end(ctx, 0);
        return WEIR_DONE;
      default: return WEIR_IDLE;
    }
  }
  return error ? error : WEIR_AGAIN;
}

static const weir_option options[] = {
    {"db", WEIR_TYPE_FRAC, 0, 0, 0, NULL, "0", "Gain in decibels, from -60 to 60"},
};
static const weir_cap raw_sound[] = {
    {"StreamType", "Audio", 0, 0}, {"CodecID", "raw", 0, 0}, {"AudioFormat", "flt", 0, 0}};
static const weir_bundle bundles[] = {{raw_sound, raw_sound, 3, 3}};

static const weir_plugin plugin = {
    .head = WEIR_HEAD,
    .name = "cgain",
    .summary = "Makes sound louder or quieter",
    .help = "Multiplies every sample and clips at full scale.",
    .role = WEIR_ROLE_TRANSFORM,
    .option_count = sizeof options / sizeof *options,
    .options = options,
    .bundles = bundles,
    .bundle_count = sizeof bundles / sizeof *bundles,
    .create = create,
    .process = process,
    .destroy = destroy,
};

const weir_plugin *weir_plugin_entry(uint32_t abi) { return abi == WEIR_ABI ? &plugin : NULL; }
