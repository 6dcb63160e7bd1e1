/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/commit_record.h"

#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "cache/cache_int.h"

#define META_COMMIT_RECORD "commit_record"

void commit_record_put(struct batch *batch, const struct commit_record *record)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct row_key key;

	key_meta(&key, META_COMMIT_RECORD);
	buffer_put_u64(&value, record->seq);
	buffer_append(&value, record->hash.bytes, DIGEST_BYTES);
	buffer_put_u64(&value, record->epoch);
	buffer_put_u64(&value, record->cut_lsn);
	buffer_put_u64(&value, (uint64_t)record->cut_real_ns);
	buffer_put_u64(&value, record->pending_files);
	buffer_put_u64(&value, record->least_ino);
	buffer_put_u64(&value, record->least_chunk);
	batch_put(batch, &key, &value, ROW_LOCAL);
	batch_put_u64(batch, META_COMMITTED_SEQ, record->seq);
	batch_put_u64(batch, META_COMMITTED_TIME, (uint64_t)record->cut_real_ns);
}

int commit_record_get(struct index *index, struct commit_record *out)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	const uint8_t *hash;
	struct reader reader;
	struct row_key key;
	int result;

	key_meta(&key, META_COMMIT_RECORD);
	result = index_get(index, &key, &value);
	if (result)
		return result;
	reader_init(&reader, value.data, value.length);
	memset(out, 0, sizeof(*out));
	out->seq = reader_get_u64(&reader);
	hash = reader_get_bytes(&reader, DIGEST_BYTES);
	if (hash)
		memcpy(out->hash.bytes, hash, DIGEST_BYTES);
	out->epoch = reader_get_u64(&reader);
	out->cut_lsn = reader_get_u64(&reader);
	out->cut_real_ns = (int64_t)reader_get_u64(&reader);
	out->pending_files = reader_get_u64(&reader);
	out->least_ino = reader_get_u64(&reader);
	out->least_chunk = reader_get_u64(&reader);
	if (reader.failed || reader_left(&reader))
		return err_set(-ERR_index_corrupt,
			       "the index's record of the newest commit has a wrong length "
			       "(%zu bytes)",
			       value.length);
	return 0;
}
