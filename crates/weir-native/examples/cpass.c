/*
 * cpass: passes one input through unchanged, and counts. The smallest complete native filter.
 *
 *   cc -std=c99 -shared -fPIC -I ../include -o cpass.so cpass.c
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "weir.h"

/* Packets taken in one call of process. */
#define BUDGET 16

struct cpass {
  int64_t every;
  uint64_t packets, bytes;
  int opened;
};

static int32_t create(weir_options *options, void **self) {
  struct cpass *f = calloc(1, sizeof *f);
  if (!f) return weir_options_fail(options, WEIR_E_LIMIT, "there is no memory");
  weir_option_int(options, "every", 0, &f->every);
  *self = f;
  return WEIR_OK;
}

static void report(struct cpass *f, weir_ctx *ctx, const char *what) {
  char line[96];
  snprintf(line, sizeof line, "%s %" PRIu64 " packets, %" PRIu64 " bytes", what, f->packets, f->bytes);
  weir_log(ctx, WEIR_LOG_INFO, line);
}

static int32_t on_props(struct cpass *f, weir_ctx *ctx) {
  weir_props_from(ctx, 0);
  if (f->opened) return weir_set_props(ctx, 0);
  f->opened = 1;
  return weir_open(ctx) < 0 ? WEIR_E_INTERNAL : WEIR_OK;
}

static int32_t on_packet(struct cpass *f, weir_ctx *ctx, const weir_packet *packet) {
  uint32_t i;
  f->packets += 1;
  f->bytes += packet->len;
  for (i = 0; i < packet->plane_count; i++) f->bytes += (uint64_t)packet->planes[i].stride * packet->planes[i].rows;
  if (f->every && f->packets % (uint64_t)f->every == 0) report(f, ctx, "passed");
  return weir_forward(ctx, 0);
}

static int32_t process(void *self, weir_ctx *ctx) {
  struct cpass *f = self;
  weir_packet packet;
  int32_t n, error = WEIR_OK;
  for (n = 0; n < BUDGET && !error; n++) {
    if (f->opened && !weir_room(ctx, 0)) return WEIR_IDLE;
    switch (weir_next(ctx, 0, &packet)) {
      case WEIR_ITEM_PROPS: error = on_props(f, ctx); break;
      case WEIR_ITEM_PACKET: error = on_packet(f, ctx, &packet); break;
      case WEIR_ITEM_END:
        report(f, ctx, "the end after");
        if (f->opened) weir_end(ctx, 0);
        return WEIR_DONE;
      default: return WEIR_IDLE;
    }
  }
  return error ? error : WEIR_AGAIN;
}

static const weir_option options[] = {
    {"every", WEIR_TYPE_INT, 0, 0, INT32_MAX, NULL, "0", "Log a line every so many packets; 0 for never"},
};

/* A bundle for each type of stream: what goes in as a type comes out as it. */
#define ANY_CODEC {"CodecID", "raw", 0, 0}, {"CodecID", "raw", WEIR_CAP_EXCLUDED, 0}
static const weir_cap visual_in[] = {{"StreamType", "Visual", 0, 0}};
static const weir_cap visual_out[] = {{"StreamType", "Visual", 0, 0}, ANY_CODEC};
static const weir_cap audio_in[] = {{"StreamType", "Audio", 0, 0}};
static const weir_cap audio_out[] = {{"StreamType", "Audio", 0, 0}, ANY_CODEC};
static const weir_bundle bundles[] = {{visual_in, visual_out, 1, 3}, {audio_in, audio_out, 1, 3}};

static const weir_plugin plugin = {
    .head = WEIR_HEAD,
    .name = "cpass",
    .summary = "Passes a stream through and counts it",
    .role = WEIR_ROLE_TRANSFORM,
    .option_count = sizeof options / sizeof *options,
    .options = options,
    .bundles = bundles,
    .bundle_count = sizeof bundles / sizeof *bundles,
    .create = create,
    .process = process,
    .destroy = free,
};

const weir_plugin *weir_plugin_entry(uint32_t abi) { return abi == WEIR_ABI ? &plugin : NULL; }
