/*
 * weir.h: filters for weir in shared libraries.
 *
 * A library exports one function, weir_plugin_entry, which describes one filter type: its options, what it takes and
 * gives, and the functions that make and run an instance. See examples/cpass.c for the smallest complete one.
 *
 * How an instance runs
 *   create   makes it from its option values.
 *   start    once, before anything else. Sources and filters that know their outputs may open them here.
 *   process  one budget of work: take a handful of items, send what they give, return. The first item of an input is
 *            always WEIR_ITEM_PROPS; properties may come again later and then hold for what follows. When every input
 *            has ended, end your outputs and return WEIR_DONE.
 *   event    something outside the stream of items.
 *   destroy  once, last.
 * Calls to one instance never overlap, but may come from different threads. Each instance has a thread of its own, so
 * code that hangs holds up nothing else; it is then given up. Code that crashes takes the process with it.
 *
 * Rules
 * - A weir_ctx or weir_options is valid during the call it was passed to, and on that thread, only.
 * - Verbs take effect when the call returns. None of them blocks.
 * - No C++ exception may leave a function of yours.
 * - Texts are UTF-8 and end with a zero byte. What you pass is copied. What you get is valid until your call returns,
 *   unless it says otherwise.
 * - The library is never unloaded.
 *
 * This header is C99 and C++98 with <stdint.h>.
 */
#ifndef WEIR_H
#define WEIR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of everything in this file. A library and a host work together only when their versions are equal. */
#define WEIR_ABI 1u

#if defined(_WIN32)
#define WEIR_EXPORT __declspec(dllexport)
#elif defined(__GNUC__)
#define WEIR_EXPORT __attribute__((visibility("default")))
#else
#define WEIR_EXPORT
#endif

/* ---- Closed sets. All are passed as int32_t or uint32_t. ---- */

/* What functions return. Zero and above is success, below is failure. */
enum {
  WEIR_OK = 0,    /* Done as asked. */
  WEIR_IDLE = 0,  /* process: call again when there are items, room or an event. */
  WEIR_AGAIN = 1, /* process: there is more to do, call again soon. */
  WEIR_UNTIL = 2, /* process: as WEIR_IDLE, but no later than a time; return weir_until(ctx, time) to give it. */
  WEIR_DONE = 3,  /* process: finished, never call again. */

  WEIR_E_OPTION = -1,      /* An option has a value that cannot be used. */
  WEIR_E_INPUT = -2,       /* The media is damaged. */
  WEIR_E_UNSUPPORTED = -3, /* Valid, but not something this filter does. */
  WEIR_E_IO = -4,          /* The operating system refused. */
  WEIR_E_LIMIT = -5,       /* A limit was reached. */
  WEIR_E_INTERNAL = -6,    /* A defect of the filter. */
  WEIR_E_ARGUMENT = -7     /* From a verb: a handle, name, type or pointer you passed is wrong. */
};

/* What weir_next and weir_peek found. */
enum {
  WEIR_ITEM_NONE = 0,   /* Nothing now. */
  WEIR_ITEM_PROPS = 1,  /* Properties; read them with weir_get_*. */
  WEIR_ITEM_PACKET = 2, /* A packet. */
  WEIR_ITEM_END = 3     /* The end of the input. */
};

/* Flags of a packet. */
enum {
  WEIR_PACKET_KEY = 1,           /* Decoding can start here. */
  WEIR_PACKET_DISPOSABLE = 2,    /* No other packet refers to it. */
  WEIR_PACKET_DISCONTINUITY = 4, /* Something before it was lost. Copy it to what you make from the packet. */
  WEIR_PACKET_HEADER = 8         /* Decoder configuration or container header. */
};

/* Events. */
enum {
  WEIR_EVENT_KEY_REQUEST = 1, /* A consumer of the output needs a key frame soon. Only encoders get this. */
  WEIR_EVENT_STOP = 2         /* The session is ending: a source ends its outputs. */
};

/* Levels of log lines. */
enum { WEIR_LOG_ERROR = 0, WEIR_LOG_WARNING = 1, WEIR_LOG_INFO = 2, WEIR_LOG_DEBUG = 3 };

/* Where a filter stands in a graph. */
enum {
  WEIR_ROLE_SOURCE = 0,    /* No inputs. */
  WEIR_ROLE_TRANSFORM = 1, /* Inputs and outputs. */
  WEIR_ROLE_MUX = 2,       /* Joins many inputs into one file stream. */
  WEIR_ROLE_ENCODER = 3,   /* Turns raw media into a codec. */
  WEIR_ROLE_SINK = 4       /* No outputs. */
};

/* Types of options. */
enum {
  WEIR_TYPE_BOOL = 0,   /* yes or no. */
  WEIR_TYPE_INT = 1,    /* Whole number from min to max, with units k, M, G. */
  WEIR_TYPE_FRAC = 2,   /* 25, 30000/1001, 29.97, 1s. */
  WEIR_TYPE_MILLIS = 3, /* A time in milliseconds: 200ms, 2s, T00:01:30. */
  WEIR_TYPE_SIZE = 4,   /* 640x360. */
  WEIR_TYPE_SIZES = 5,  /* A list of sizes. */
  WEIR_TYPE_INTS = 6,   /* A list of whole numbers. */
  WEIR_TYPE_ENUM = 7,   /* One of the words in `words`. */
  WEIR_TYPE_STR = 8,    /* Text. */
  WEIR_TYPE_STRS = 9,   /* A list of texts. */
  WEIR_TYPE_SECRET = 10 /* Text that is never shown: as typed, that is TEXT, @FILE or $VARIABLE. */
};

/* Flags of a capability. */
enum {
  WEIR_CAP_EXCLUDED = 1, /* The property must not have the value; absent is fine. */
  WEIR_CAP_OPTIONAL = 2  /* The property may be absent. */
};

/* Flags of a plugin. */
enum {
  WEIR_PLUGIN_AUTOMATIC = 1 /* May be inserted where a graph needs it; else it is used only when it is named. */
};

/* ---- What a library describes. All of it must stay unchanged for ever. ---- */

typedef struct weir_host weir_host;
typedef struct weir_ctx weir_ctx;
typedef struct weir_options weir_options;

/* One option. */
typedef struct weir_option {
  const char *name;     /* Letters, digits, - and _. */
  uint32_t type;        /* WEIR_TYPE_*. */
  uint32_t reserved;    /* 0. */
  int64_t min, max;     /* For WEIR_TYPE_INT; both 0 for no limits. */
  const char *words;    /* For WEIR_TYPE_ENUM: "a|b|c"; else NULL. */
  const char *fallback; /* Default as one would type it; NULL for none. */
  const char *help;     /* One sentence without a period. */
} weir_option;

/* One capability: a property, by the name `weir -h props` shows, and its value as text. Text values may list
 * alternatives as "a|b" and use "*" for any. */
typedef struct weir_cap {
  const char *property;
  const char *value;
  uint32_t flags;    /* WEIR_CAP_*. */
  uint32_t reserved; /* 0. */
} weir_cap;

/* One way to use the filter: what an input must be, and what outputs then are. Caps of one property are alternatives,
 * different properties must all hold. A source has no inputs, a sink no outputs. */
typedef struct weir_bundle {
  const weir_cap *inputs;
  const weir_cap *outputs;
  uint32_t input_count;
  uint32_t output_count;
} weir_bundle;

/* A plane of a raw picture. */
typedef struct weir_plane {
  const uint8_t *data;
  uint32_t stride; /* Bytes from row to row. */
  uint32_t width;  /* Samples in a row. */
  uint32_t rows;
  uint32_t reserved;
} weir_plane;

/* A packet. Times are in units of the property Timescale of its input or output. */
typedef struct weir_packet {
  const uint8_t *data; /* Content; NULL for a raw picture that was received. */
  size_t len;          /* Bytes of it. */
  int64_t dts;         /* Decoding time; never decreases on one output. */
  int64_t cts;         /* Presentation time. */
  uint64_t origin;     /* When the content was born, microseconds of the session clock. Copy it along. */
  uint32_t duration;   /* 0 when not known. */
  uint32_t flags;      /* WEIR_PACKET_*. */
  uint32_t plane_count; /* 3 for a raw picture that was received, else 0. Ignored in what you send. */
  uint32_t reserved;
  weir_plane planes[3]; /* Y, U and V of a raw picture. */
} weir_packet;

/* Versions and sizes, so that a library built with another header is refused. Always WEIR_HEAD. */
typedef struct weir_head {
  uint32_t abi;
  uint32_t plugin_size, host_size, packet_size, option_size, cap_size, bundle_size;
  uint32_t reserved;
} weir_head;

/* A filter type. Functions may be NULL except create and process. */
typedef struct weir_plugin {
  weir_head head;
  const char *name;    /* As typed: lower-case letters, digits, - and _, beginning with a letter. */
  const char *summary; /* One line without a period. */
  const char *help;    /* Paragraphs; may be NULL. */
  uint32_t role;       /* WEIR_ROLE_*. */
  uint32_t flags;      /* WEIR_PLUGIN_*. */
  uint32_t max_inputs; /* Inputs of one instance, further ones make a copy of it; 0 for what its role usually has. */
  uint32_t option_count;
  const weir_option *options;
  const weir_bundle *bundles;
  uint32_t bundle_count;
  uint32_t reserved;

  /* Makes an instance in *self. On failure nothing else is called: return weir_options_fail(...). */
  int32_t (*create)(weir_options *options, void **self);
  int32_t (*start)(void *self, weir_ctx *ctx);
  int32_t (*process)(void *self, weir_ctx *ctx);
  /* `event` is WEIR_EVENT_*; `output` is the output of a key request, else 0. */
  int32_t (*event)(void *self, weir_ctx *ctx, uint32_t event, uint32_t output);
  void (*destroy)(void *self);
} weir_plugin;

/* clang-format off */
#define WEIR_HEAD { WEIR_ABI, (uint32_t)sizeof(weir_plugin), (uint32_t)sizeof(weir_host), \
                    (uint32_t)sizeof(weir_packet), (uint32_t)sizeof(weir_option), \
                    (uint32_t)sizeof(weir_cap), (uint32_t)sizeof(weir_bundle), 0 }
/* clang-format on */

/* The one function a library exports. `abi` is the host's WEIR_ABI; return NULL when you do not have that version. */
WEIR_EXPORT const weir_plugin *weir_plugin_entry(uint32_t abi);

/* ---- What the host gives. Use the functions below it rather than this table. ---- */

struct weir_host {
  uint32_t abi;
  uint32_t size;
  /* Options, in create. */
  int32_t (*option_count)(weir_options *, const char *name);
  int32_t (*option_int)(weir_options *, const char *name, uint32_t index, int64_t *value);
  int32_t (*option_str)(weir_options *, const char *name, uint32_t index, const char **value);
  int32_t (*options_fail)(weir_options *, int32_t code, const char *message);
  /* The session. */
  uint64_t (*now)(weir_ctx *);
  uint64_t (*utc)(weir_ctx *);
  int32_t (*until)(weir_ctx *, uint64_t time);
  int32_t (*fail)(weir_ctx *, int32_t code, const char *message);
  int32_t (*log)(weir_ctx *, uint32_t level, const char *line);
  /* Inputs. */
  uint32_t (*input_count)(weir_ctx *);
  int32_t (*settled)(weir_ctx *);
  int32_t (*next)(weir_ctx *, uint32_t input, weir_packet *packet);
  int32_t (*peek)(weir_ctx *, uint32_t input, weir_packet *packet);
  int32_t (*request_key)(weir_ctx *, uint32_t input);
  int32_t (*get_uint)(weir_ctx *, uint32_t input, const char *property, uint64_t *value);
  int32_t (*get_int)(weir_ctx *, uint32_t input, const char *property, int64_t *value);
  int32_t (*get_frac)(weir_ctx *, uint32_t input, const char *property, int64_t *num, uint32_t *den);
  int32_t (*get_str)(weir_ctx *, uint32_t input, const char *property, const char **value);
  int32_t (*get_bytes)(weir_ctx *, uint32_t input, const char *property, const uint8_t **data, size_t *len);
  /* Properties for an output. */
  int32_t (*props_clear)(weir_ctx *);
  int32_t (*props_from)(weir_ctx *, uint32_t input);
  int32_t (*unset)(weir_ctx *, const char *property);
  int32_t (*set_uint)(weir_ctx *, const char *property, uint64_t value);
  int32_t (*set_int)(weir_ctx *, const char *property, int64_t value);
  int32_t (*set_frac)(weir_ctx *, const char *property, int64_t num, uint32_t den);
  int32_t (*set_str)(weir_ctx *, const char *property, const char *value);
  int32_t (*set_bytes)(weir_ctx *, const char *property, const uint8_t *data, size_t len);
  /* Outputs. */
  int64_t (*open)(weir_ctx *);
  int32_t (*set_props)(weir_ctx *, uint32_t output);
  int32_t (*room)(weir_ctx *, uint32_t output);
  int32_t (*send)(weir_ctx *, uint32_t output, const weir_packet *packet);
  int32_t (*forward)(weir_ctx *, uint32_t output);
  int32_t (*end)(weir_ctx *, uint32_t output);
};

/* The host's side of a call; the rest of it is the host's own. */
struct weir_ctx {
  const weir_host *host;
};

/* Option values, in create; the rest of it is the host's own. */
struct weir_options {
  const weir_host *host;
};

/* ---- Options, in create ---- */

/* Number of values an option has: 0 when it has none, 1, or the length of a list; WEIR_E_ARGUMENT for an unknown name.
 * A fraction counts as 2 (numerator, denominator), a size as 2 (width, height). */
static inline int32_t weir_option_count(weir_options *o, const char *name) { return o->host->option_count(o, name); }

/* Number `index` of an option of type bool (0 or 1), int, ints, millis, frac, size or sizes. Returns 1, 0 when there is
 * no such value (then *value stays), or WEIR_E_ARGUMENT. */
static inline int32_t weir_option_int(weir_options *o, const char *name, uint32_t index, int64_t *value) {
  return o->host->option_int(o, name, index, value);
}

/* Text `index` of an option of type str, strs, enum or secret. Returns as weir_option_int. */
static inline int32_t weir_option_str(weir_options *o, const char *name, uint32_t index, const char **value) {
  return o->host->option_str(o, name, index, value);
}

/* Says why create fails. Returns `code` (WEIR_E_*), for `return weir_options_fail(o, WEIR_E_OPTION, "...")`. */
static inline int32_t weir_options_fail(weir_options *o, int32_t code, const char *message) {
  return o->host->options_fail(o, code, message);
}

/* ---- The session ---- */

/* The session clock, microseconds. It stands still during a call. */
static inline uint64_t weir_now(weir_ctx *c) { return c->host->now(c); }

/* The wall clock, microseconds since 1970-01-01 UTC. */
static inline uint64_t weir_utc(weir_ctx *c) { return c->host->utc(c); }

/* Asks for a call of process at `time` of the session clock. Returns WEIR_UNTIL, for `return weir_until(c, time)`. */
static inline int32_t weir_until(weir_ctx *c, uint64_t time) { return c->host->until(c, time); }

/* Says why this call fails: one plain sentence, no period, no secret. Returns `code`, for `return weir_fail(...)`. */
static inline int32_t weir_fail(weir_ctx *c, int32_t code, const char *message) {
  return c->host->fail(c, code, message);
}

/* Writes a line to the log. Never put a secret in it. */
static inline int32_t weir_log(weir_ctx *c, uint32_t level, const char *line) { return c->host->log(c, level, line); }

/* ---- Inputs: numbered from 0 in the order they were connected ---- */

/* Number of inputs connected so far. */
static inline uint32_t weir_input_count(weir_ctx *c) { return c->host->input_count(c); }

/* 1 when no further input is being connected, else 0. A muxer waits for it before it writes a header. */
static inline int32_t weir_settled(weir_ctx *c) { return c->host->settled(c); }

/* Takes the next item of an input. Returns WEIR_ITEM_* or WEIR_E_ARGUMENT. Fills *packet when it is a packet; its
 * content is valid until the next weir_next, or the return of your call. */
static inline int32_t weir_next(weir_ctx *c, uint32_t input, weir_packet *packet) {
  return c->host->next(c, input, packet);
}

/* Looks at the next item without taking it; content is valid until the next weir_peek or weir_next. Properties become
 * readable with weir_get_* only when they are taken. */
static inline int32_t weir_peek(weir_ctx *c, uint32_t input, weir_packet *packet) {
  return c->host->peek(c, input, packet);
}

/* Asks the encoder upstream of an input for a key frame soon. Filters in between need not pass this on. */
static inline int32_t weir_request_key(weir_ctx *c, uint32_t input) { return c->host->request_key(c, input); }

/* The properties of an input as last taken. Each returns 1, 0 when the property is absent (then the value stays), or
 * WEIR_E_ARGUMENT when there is no such input or property or it has another type. Yes/no properties are uints of 0 or
 * 1; StreamType, CodecID, PixelFormat, AudioFormat and Delivery are texts. */
static inline int32_t weir_get_uint(weir_ctx *c, uint32_t input, const char *property, uint64_t *value) {
  return c->host->get_uint(c, input, property, value);
}
static inline int32_t weir_get_int(weir_ctx *c, uint32_t input, const char *property, int64_t *value) {
  return c->host->get_int(c, input, property, value);
}
static inline int32_t weir_get_frac(weir_ctx *c, uint32_t input, const char *property, int64_t *num, uint32_t *den) {
  return c->host->get_frac(c, input, property, num, den);
}
static inline int32_t weir_get_str(weir_ctx *c, uint32_t input, const char *property, const char **value) {
  return c->host->get_str(c, input, property, value);
}
static inline int32_t weir_get_bytes(weir_ctx *c, uint32_t input, const char *property, const uint8_t **data,
                                     size_t *len) {
  return c->host->get_bytes(c, input, property, data, len);
}

/* ---- Properties for an output: build them, then weir_open or weir_set_props ---- */

/* Starts with no properties; so does each call of yours. */
static inline int32_t weir_props_clear(weir_ctx *c) { return c->host->props_clear(c); }

/* Starts with the properties of an input as last taken. */
static inline int32_t weir_props_from(weir_ctx *c, uint32_t input) { return c->host->props_from(c, input); }

/* Removes one. */
static inline int32_t weir_unset(weir_ctx *c, const char *property) { return c->host->unset(c, property); }

/* Set one. Return WEIR_OK, or WEIR_E_ARGUMENT when there is no such property or it has another type. */
static inline int32_t weir_set_uint(weir_ctx *c, const char *property, uint64_t value) {
  return c->host->set_uint(c, property, value);
}
static inline int32_t weir_set_int(weir_ctx *c, const char *property, int64_t value) {
  return c->host->set_int(c, property, value);
}
static inline int32_t weir_set_frac(weir_ctx *c, const char *property, int64_t num, uint32_t den) {
  return c->host->set_frac(c, property, num, den);
}
static inline int32_t weir_set_str(weir_ctx *c, const char *property, const char *value) {
  return c->host->set_str(c, property, value);
}
static inline int32_t weir_set_bytes(weir_ctx *c, const char *property, const uint8_t *data, size_t len) {
  return c->host->set_bytes(c, property, data, len);
}

/* ---- Outputs: numbered from 0 in the order they were opened ---- */

/* Opens an output with the properties built so far. Returns its number, or WEIR_E_ARGUMENT when StreamType, or CodecID
 * of a stream that is no File, is missing. */
static inline int64_t weir_open(weir_ctx *c) { return c->host->open(c); }

/* Changes the properties of an output for what follows. */
static inline int32_t weir_set_props(weir_ctx *c, uint32_t output) { return c->host->set_props(c, output); }

/* 1 when the consumers of an output have room, else 0. Without room, send at most what you have in hand and return. */
static inline int32_t weir_room(weir_ctx *c, uint32_t output) { return c->host->room(c, output); }

/* Sends a packet; its content is copied. On an output of raw pictures the content is the planes Y, U, V without padding,
 * chroma sizes rounded up. */
static inline int32_t weir_send(weir_ctx *c, uint32_t output, const weir_packet *packet) {
  return c->host->send(c, output, packet);
}

/* Sends the packet last taken with weir_next in this call, unchanged and without a copy. */
static inline int32_t weir_forward(weir_ctx *c, uint32_t output) { return c->host->forward(c, output); }

/* Ends an output. */
static inline int32_t weir_end(weir_ctx *c, uint32_t output) { return c->host->end(c, output); }

#ifdef __cplusplus
}
#endif

#endif
