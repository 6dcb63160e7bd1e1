/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/status_json.h"

#include <math.h>
#include <sys/stat.h>

#include "backend/base/clock.h"
#include "fs/control_path.h"
#include "fs/control_proto.h"

static json_t *whole(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *seconds(int64_t ns)
{
	return json_real(round((double)ns / (double)NS_PER_MS) / 1000);
}

/* A time, or null for 0: it has not happened. */
static json_t *time_or_null(int64_t real_ns)
{
	char text[32];

	if (!real_ns)
		return json_null();
	clock_format(real_ns, text);
	return json_string(text);
}

/* Text that came from outside may be anything. */
static json_t *text_or_null(const char *text)
{
	json_t *json = text && *text ? json_string(text) : NULL;

	return json ? json : json_null();
}

static void put_identity(json_t *out, const struct cache_status *status, const char *mountpoint)
{
	json_object_set_new(out, STATUS_VOLUME, text_or_null(status->volume));
	json_object_set_new(out, STATUS_NAME, text_or_null(status->name));
	json_object_set_new(out, STATUS_URL, text_or_null(status->url));
	json_object_set_new(out, STATUS_MOUNTPOINT,
			    mountpoint ? path_to_json(mountpoint) : json_null());
	json_object_set_new(out, STATUS_CACHE, path_to_json(status->directory));
	json_object_set_new(out, STATUS_STATE, json_string(cache_state_name(status->state)));
	json_object_set_new(out, STATUS_STATE_CAUSE, text_or_null(status->state_cause));
	json_object_set_new(out, STATUS_ROLE,
			    json_string(status->follower ? "follower" : "writer"));
	json_object_set_new(out, STATUS_EPOCH, whole(status->epoch));
}

static void put_dirty(json_t *out, const struct cache_status *status)
{
	json_object_set_new(out, STATUS_DIRTY_BYTES, whole(status->dirty_bytes));
	json_object_set_new(out, STATUS_DIRTY_FILES, whole(status->dirty_files));
	json_object_set_new(out, STATUS_PENDING_FILES, whole(status->pending_files));
	json_object_set_new(out, STATUS_LATE_FILES, whole(status->late_files));
	json_object_set_new(out, STATUS_RPO_BREACHES_TOTAL, whole(status->rpo_breaches_total));
	json_object_set_new(out, STATUS_OLDEST_DIRTY_AGE_SECONDS,
			    seconds(status->oldest_dirty_age_ns));
	json_object_set_new(out, STATUS_CACHE_USED_BYTES, whole(status->cache_used_bytes));
	json_object_set_new(out, STATUS_CACHE_LIMIT_BYTES, whole(status->cache_limit_bytes));
	json_object_set_new(out, STATUS_PINNED_PATHS, whole(status->pinned_paths));
	json_object_set_new(out, STATUS_PINNED_BYTES, whole(status->pinned_bytes));
	json_object_set_new(out, STATUS_FILES, whole(status->files));
}

static void put_commit(json_t *out, const struct cache_status *status)
{
	int64_t time_ns = status->committed_time_ns;

	json_object_set_new(out, STATUS_COMMITTED_SEQ, whole(status->committed_seq));
	json_object_set_new(out, STATUS_COMMITTED_TIME, time_or_null(time_ns));
	json_object_set_new(out, STATUS_COMMIT_AGE_SECONDS,
			    time_ns ? seconds(clock_real_ns() - time_ns) : json_null());
	json_object_set_new(out, STATUS_CHECKED_AGE_SECONDS,
			    status->follower ? seconds(status->checked_age_ns) : json_null());
	json_object_set_new(out, STATUS_CHECKPOINT_SEQ, whole(status->checkpoint_seq));
}

static void put_held_by(json_t *out, const struct cache_status *status)
{
	json_t *rows = json_array();
	unsigned int i;

	for (i = 0; i < status->held_by_count; i++) {
		json_t *row = json_object();

		json_object_set_new(row, STATUS_HELD_BY_PATH,
				    path_to_json(status->held_by[i].path));
		json_object_set_new(row, STATUS_HELD_BY_BYTES, whole(status->held_by[i].bytes));
		json_array_append_new(rows, row);
	}
	json_object_set_new(out, STATUS_HELD_BY, rows);
}

static void put_upload(json_t *out, const struct cache_status *status)
{
	json_object_set_new(out, STATUS_UPLOADS_IN_FLIGHT, whole(status->uploads_in_flight));
	json_object_set_new(out, STATUS_UPLOAD_BYTES_PER_SECOND,
			    whole(status->upload_bytes_per_second));
	json_object_set_new(out, STATUS_ETA_SECONDS,
			    status->eta_ns < 0 ? json_null() : seconds(status->eta_ns));
	json_object_set_new(out, STATUS_FAILING, json_boolean(status->failing));
	json_object_set_new(out, STATUS_LAST_ERROR, text_or_null(status->last_error));
	json_object_set_new(out, STATUS_LOGICAL_BYTES_COMMITTED_TOTAL,
			    whole(status->logical_bytes_committed_total));
	json_object_set_new(out, STATUS_COMMITS_TOTAL, whole(status->commits_total));
}

static void put_damaged(json_t *out, const struct cache_status *status)
{
	json_t *rows = json_array();
	unsigned int i;

	for (i = 0; i < status->damaged_count; i++) {
		const struct cache_damage *damage = &status->damaged[i];
		json_t *row = json_object();

		json_object_set_new(row, STATUS_DAMAGED_PATH,
				    damage->path[0] ? path_to_json(damage->path) : json_null());
		json_object_set_new(row, STATUS_DAMAGED_INODE, whole(damage->ino));
		json_object_set_new(row, STATUS_DAMAGED_OFFSET, whole(damage->offset));
		json_object_set_new(row, STATUS_DAMAGED_LENGTH, whole(damage->length));
		json_object_set_new(row, STATUS_DAMAGED_SINCE, time_or_null(damage->since_ns));
		json_array_append_new(rows, row);
	}
	json_object_set_new(out, STATUS_DAMAGED, rows);
}

json_t *status_to_json(const struct cache_status *status, const char *mountpoint)
{
	json_t *out = json_object();

	put_identity(out, status, mountpoint);
	put_dirty(out, status);
	put_commit(out, status);
	put_held_by(out, status);
	put_damaged(out, status);
#define X(name, kind, help) json_object_set_new(out, #name, whole(status->store.name));
	STORE_COUNTERS(X)
#undef X
#define X(name, help) json_object_set_new(out, #name, whole(status->reads.name));
	READ_COUNTERS(X)
#undef X
#define X(name, help) json_object_set_new(out, #name, whole(status->rewriter.name));
	REWRITE_COUNTERS(X)
#undef X
	/* Last: uploads_in_flight is also a counter of the store. */
	put_upload(out, status);
	return out;
}

static const char *type_name(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return CONTROL_TYPE_DIRECTORY;
	case S_IFLNK:
		return CONTROL_TYPE_SYMLINK;
	case S_IFIFO:
		return CONTROL_TYPE_FIFO;
	case S_IFSOCK:
		return CONTROL_TYPE_SOCKET;
	case S_IFCHR:
		return CONTROL_TYPE_CHARACTER;
	case S_IFBLK:
		return CONTROL_TYPE_BLOCK;
	default:
		return CONTROL_TYPE_FILE;
	}
}

json_t *file_state_to_json(const char *path, const struct file_state *state, int64_t now_ns)
{
	const struct attributes *attributes = &state->attributes;
	json_t *out = json_object();
	json_t *age = state->dirty_since_ns ? seconds(now_ns - state->dirty_since_ns) : json_null();
	char mtime[32];

	clock_format(clock_from_timespec(&attributes->mtime), mtime);
	json_object_set_new(out, CONTROL_ROW_PATH, path_to_json(path));
	json_object_set_new(out, CONTROL_ROW_TYPE, json_string(type_name(attributes->mode)));
	json_object_set_new(out, CONTROL_ROW_SIZE, whole(attributes->size));
	json_object_set_new(out, CONTROL_ROW_MTIME, json_string(mtime));
	json_object_set_new(out, CONTROL_ROW_CACHED_BYTES, whole(state->cached_bytes));
	json_object_set_new(out, CONTROL_ROW_DIRTY_BYTES, whole(state->dirty_bytes));
	json_object_set_new(out, CONTROL_ROW_DIRTY_SINCE, time_or_null(state->dirty_since_ns));
	json_object_set_new(out, CONTROL_ROW_AGE_SECONDS, age);
	json_object_set_new(out, CONTROL_ROW_STATE, json_string(file_place_name(state->place)));
	json_object_set_new(out, CONTROL_ROW_PENDING, json_boolean(state->pending));
	json_object_set_new(out, CONTROL_ROW_COMMIT, whole(state->commit));
	return out;
}
