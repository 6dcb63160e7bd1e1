/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/writer_format.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/clock.h"
#include "backend/base/error.h"

static void append_json(json_t *root, struct buffer *out)
{
	char *text = root ? json_dumps(root, JSON_INDENT(2) | JSON_PRESERVE_ORDER) : NULL;

	if (!text)
		abort(); /* out of memory, as in xmalloc() */
	buffer_put_text(out, text);
	buffer_put_u8(out, '\n');
	free(text);
	json_decref(root);
}

static json_t *encode(const struct writer_claim *claim, const char *kind)
{
	char cache[ID_HEX_SIZE];
	char session[ID_HEX_SIZE];

	id_to_hex(&claim->cache, cache);
	id_to_hex(&claim->session, session);
	return json_pack("{s:s, s:i, s:I, s:s, s:s, s:s, s:I}", "drayfs", kind, "format",
			 WRITER_FORMAT_VERSION, "epoch", (json_int_t)claim->epoch, "cache", cache,
			 "session", session, "host", claim->host, "pid", (json_int_t)claim->pid);
}

void writer_claim_encode(const struct writer_claim *claim, struct buffer *out)
{
	json_t *root = encode(claim, "writer");
	char claimed[32];

	clock_format(claim->claimed_real_ns, claimed);
	json_object_set_new(root, "claimed", json_string(claimed));
	append_json(root, out);
}

void writer_lease_encode(const struct writer_lease *lease, struct buffer *out)
{
	json_t *root = encode(&lease->claim, "lease");

	json_object_set_new(root, "ttl_ms", json_integer((json_int_t)lease->ttl_ms));
	json_object_set_new(root, "renewal", json_integer((json_int_t)lease->renewal));
	json_object_set_new(root, "commit", json_integer((json_int_t)lease->commit));
	json_object_set_new(root, "root", json_integer((json_int_t)lease->root));
	json_object_set_new(root, "released", json_boolean(lease->released));
	append_json(root, out);
}

static int corrupt(const char *object, const char *why)
{
	return err_set(-ERR_volume_corrupt, "the object %s is damaged: %s", object, why);
}

static int decode_claim(const char *object, json_t *root, const char *kind,
			struct writer_claim *out)
{
	const char *found;
	const char *cache;
	const char *session;
	const char *host;
	json_int_t format;
	json_int_t epoch;
	json_int_t pid;

	memset(out, 0, sizeof(*out));
	if (json_unpack(root, "{s:s, s:I}", "drayfs", &found, "format", &format) ||
	    strcmp(found, kind))
		return corrupt(object, "it does not say what it is");
	if (format > WRITER_FORMAT_VERSION)
		return err_set(-ERR_format_newer,
			       "%s was written by a newer drayfs (format %lld, this one knows %d): "
			       "upgrade drayfs",
			       object, (long long)format, WRITER_FORMAT_VERSION);
	if (json_unpack(root, "{s:I, s:s, s:s, s:s, s:I}", "epoch", &epoch, "cache", &cache,
			"session", &session, "host", &host, "pid", &pid) ||
	    epoch <= 0 || !id_from_hex(&out->cache, cache) ||
	    !id_from_hex(&out->session, session) || strlen(host) >= sizeof(out->host))
		return corrupt(object, "fields are missing or not valid");
	out->epoch = (uint64_t)epoch;
	out->pid = pid;
	snprintf(out->host, sizeof(out->host), "%s", host);
	return 0;
}

int writer_claim_decode(const char *object, const void *bytes, size_t length,
			struct writer_claim *out)
{
	json_t *root = json_loadb(bytes, length, 0, NULL);
	int result = root ? decode_claim(object, root, "writer", out)
			  : corrupt(object, "it is not JSON");

	json_decref(root);
	return result;
}

static int decode_lease(const char *object, json_t *root, struct writer_lease *out)
{
	json_int_t ttl_ms;
	json_int_t renewal;
	json_int_t commit;
	json_int_t newest_root;
	int released;
	int result = decode_claim(object, root, "lease", &out->claim);

	if (result)
		return result;
	if (json_unpack(root, "{s:I, s:I, s:I, s:I, s:b}", "ttl_ms", &ttl_ms, "renewal", &renewal,
			"commit", &commit, "root", &newest_root, "released", &released) ||
	    ttl_ms <= 0 || renewal < 0 || commit < 0 || newest_root < 0)
		return corrupt(object, "fields are missing or not valid");
	out->ttl_ms = ttl_ms;
	out->renewal = (uint64_t)renewal;
	out->commit = (uint64_t)commit;
	out->root = (uint64_t)newest_root;
	out->released = released;
	return 0;
}

int writer_lease_decode(const char *object, const void *bytes, size_t length,
			struct writer_lease *out)
{
	json_t *root = json_loadb(bytes, length, 0, NULL);
	int result = root ? decode_lease(object, root, out) : corrupt(object, "it is not JSON");

	json_decref(root);
	return result;
}
