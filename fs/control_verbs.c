/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/control_verbs.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "cache/limits.h"
#include "cache/state.h"
#include "fs/config.h"
#include "fs/control_path.h"
#include "fs/control_proto.h"
#include "fs/mountinfo.h"
#include "fs/status_json.h"

#define PROGRESS_INTERVAL_NS (200 * NS_PER_MS)

/* A request under way. */
struct call {
	struct control_target *target;
	struct control_connection *connection;
	const struct control_request *request;
	/* ls */
	bool failing; /* uploads fail just now */
	int64_t now_ns;
	uint64_t rows;
	/* evict, warm, pin */
	uint64_t files;
	uint64_t pinned_files; /* that stay */
	uint64_t bytes;
	int64_t progress_boot_ns; /* of the last line */
};

json_t *control_event(const char *event)
{
	json_t *json = json_object();

	json_object_set_new(json, CONTROL_EVENT, json_string(event));
	return json;
}

void control_answer_error(struct control_connection *connection, const char *code_name, int code)
{
	json_t *json = control_event(CONTROL_EVENT_ERROR);
	json_t *message = json_string(err_message(code));

	json_object_set_new(json, CONTROL_ERROR_CODE, json_string(code_name));
	/* A sentence may quote a name that is not UTF-8. */
	json_object_set_new(json, CONTROL_ERROR_MESSAGE,
			    message ? message : json_string(err_name(code)));
	control_connection_put(connection, json);
}

static void answer_done(struct control_connection *connection)
{
	control_connection_put(connection, control_event(CONTROL_EVENT_DONE));
}

static json_t *status_now(const struct control_target *target)
{
	struct cache_status status;

	cache_status_get(target->cache, &status);
	return status_to_json(&status, target->mountpoint);
}

/* Non-zero when the work is not wanted any more. */
static int check_wanted(struct call *call)
{
	if (atomic_load(&call->target->stopping))
		return err_set(-ERR_stopping, "the gateway is being unmounted");
	if (control_connection_is_gone(call->connection))
		return -ECANCELED;
	return 0;
}

/* False once it is unmounted, perhaps before this process has noticed. */
static bool is_mounted(const struct control_target *target)
{
	struct mountinfo info;

	return mountinfo_find(target->mountpoint, &info) && !strcmp(info.type, MOUNT_TYPE);
}

static int do_ping(struct call *call)
{
	json_t *done = control_event(CONTROL_EVENT_DONE);

	json_object_set_new(done, CONTROL_PID, json_integer(getpid()));
	json_object_set_new(done, CONTROL_VERSION, json_string(DRAY_VERSION));
	json_object_set_new(done, CONTROL_MOUNTED, json_boolean(is_mounted(call->target)));
	control_connection_put(call->connection, done);
	return 0;
}

static int do_status(struct call *call)
{
	json_t *done = control_event(CONTROL_EVENT_DONE);

	json_object_set_new(done, CONTROL_STATUS, status_now(call->target));
	control_connection_put(call->connection, done);
	return 0;
}

static int do_sync(struct call *call)
{
	int result = cache_sync(call->target->cache);

	if (!result)
		answer_done(call->connection);
	return result;
}

/* A progress line with the members of the status object. */
static void put_status_progress(struct call *call)
{
	json_t *progress = control_event(CONTROL_EVENT_PROGRESS);
	json_t *status = status_now(call->target);

	json_object_update(progress, status);
	json_decref(status);
	control_connection_put(call->connection, progress);
	control_connection_flush(call->connection);
}

static void no_such_path(const char *path)
{
	err_set(-ENOENT, "%s: there is no such file in the volume", path);
}

static int wait_progress(void *arg)
{
	struct call *call = arg;

	put_status_progress(call);
	return check_wanted(call);
}

static int do_wait(struct call *call)
{
	const struct control_request *request = call->request;
	struct cache *cache = call->target->cache;
	int64_t deadline = INT64_MAX;
	int result = 0;
	size_t i;

	if (request->timeout_ns != CONTROL_NO_TIMEOUT)
		deadline = clock_boot_ns() + request->timeout_ns;
	session_launder(call->target->session);
	if (!request->path_count)
		result = cache_wait(cache, deadline, wait_progress, call);
	for (i = 0; !result && i < request->path_count; i++) {
		result = cache_wait_below(cache, request->paths[i], deadline, wait_progress, call);
		if (result == -ENOENT)
			no_such_path(request->paths[i]);
	}
	if (!result)
		answer_done(call->connection);
	return result;
}

static int list_row(const char *path, const struct file_state *state, void *arg)
{
	struct call *call = arg;
	json_t *row;

	if (control_filters_pass(call->request->filters, state, call->failing)) {
		row = file_state_to_json(path, state, call->now_ns);
		json_object_set_new(row, CONTROL_EVENT, json_string(CONTROL_EVENT_ROW));
		control_connection_put(call->connection, row);
		call->rows++;
	}
	return check_wanted(call);
}

/* Calls fn for all files at or below the paths of the request. */
static int walk_paths(struct call *call, state_walk_fn *fn)
{
	const struct control_request *request = call->request;
	int result = 0;
	size_t i;

	for (i = 0; !result && i < request->path_count; i++) {
		result = state_walk(call->target->cache, request->paths[i], fn, call);
		if (result == -ENOENT)
			no_such_path(request->paths[i]);
	}
	return result;
}

static int do_ls(struct call *call)
{
	struct cache_status status;
	json_t *done;
	int result;

	cache_status_get(call->target->cache, &status);
	call->failing = status.failing;
	call->now_ns = clock_real_ns();
	result = walk_paths(call, list_row);
	if (result)
		return result;
	done = control_event(CONTROL_EVENT_DONE);
	json_object_set_new(done, CONTROL_ROWS, json_integer((json_int_t)call->rows));
	control_connection_put(call->connection, done);
	return 0;
}

static void put_counts(struct call *call, json_t *json)
{
	json_object_set_new(json, CONTROL_FILES, json_integer((json_int_t)call->files));
	json_object_set_new(json, CONTROL_BYTES, json_integer((json_int_t)call->bytes));
}

static void put_file_progress(struct call *call, const char *path)
{
	json_t *progress;

	if (clock_boot_ns() - call->progress_boot_ns < PROGRESS_INTERVAL_NS)
		return;
	call->progress_boot_ns = clock_boot_ns();
	progress = control_event(CONTROL_EVENT_PROGRESS);
	json_object_set_new(progress, CONTROL_PATH, path_to_json(path));
	put_counts(call, progress);
	control_connection_put(call->connection, progress);
	control_connection_flush(call->connection);
}

/* One file out of the cache, or into it. A file removed meanwhile is passed over. */
static int move_file(const char *path, const struct file_state *state, void *arg)
{
	struct call *call = arg;
	struct cache *cache = call->target->cache;
	uint64_t ino = state->attributes.ino;
	uint64_t bytes = 0;
	int result;

	if (!S_ISREG(state->attributes.mode))
		return check_wanted(call);
	put_file_progress(call, path);
	if (call->request->verb == VERB_EVICT)
		result = evict_file(cache, ino, &bytes);
	else
		result = warm_file(cache, ino, &bytes);
	if (result == -EBUSY) {
		call->pinned_files++;
		return check_wanted(call);
	}
	if (result && result != -ENOENT)
		return result;
	call->files++;
	call->bytes += bytes;
	return check_wanted(call);
}

static int do_move(struct call *call)
{
	int result = walk_paths(call, move_file);
	json_t *done;

	if (result)
		return result;
	done = control_event(CONTROL_EVENT_DONE);
	put_counts(call, done);
	json_object_set_new(done, CONTROL_PINNED_FILES,
			    json_integer((json_int_t)call->pinned_files));
	control_connection_put(call->connection, done);
	return 0;
}

static int do_remount(struct call *call)
{
	struct limits_conf limits;
	struct mount_conf conf;
	int result;

	cache_limits_get(call->target->cache, &limits);
	mount_conf_init(&conf);
	conf.cache_bytes = limits.cache_bytes;
	conf.dirty_bytes = limits.dirty_bytes;
	conf.min_free_bytes = limits.min_free_bytes;
	conf.on_full = limits.on_full;
	result = mount_conf_change(&conf, call->request->options);
	if (!result) {
		limits.cache_bytes = conf.cache_bytes;
		limits.dirty_bytes = conf.dirty_bytes;
		limits.min_free_bytes = conf.min_free_bytes;
		limits.on_full = (enum full_policy)conf.on_full;
		cache_limits_set(call->target->cache, &limits);
		result = do_status(call);
	}
	mount_conf_release(&conf);
	return result;
}

/* Calls fn for each path of the request. */
static int each_path(struct call *call, int (*fn)(struct cache *cache, const char *path))
{
	const struct control_request *request = call->request;
	int result = 0;
	size_t i;

	for (i = 0; !result && i < request->path_count; i++) {
		result = fn(call->target->cache, request->paths[i]);
		if (result == -ENOENT)
			err_set(result, "%s: there is no such file in the volume",
				request->paths[i]);
	}
	return result;
}

static int do_pin(struct call *call)
{
	int result = each_path(call, pin_path);

	return result ? result : do_move(call);
}

static int do_unpin(struct call *call)
{
	int result = each_path(call, unpin_path);

	if (!result)
		answer_done(call->connection);
	return result;
}

static int do_umount(struct call *call)
{
	int result = session_unmount(call->target->session);

	if (result == -EBUSY)
		err_set(result,
			"%s is in use: close its files and leave its directories "
			"(lsof +f -- %s shows by whom)",
			call->target->mountpoint, call->target->mountpoint);
	if (!result)
		put_status_progress(call);
	return result;
}

static int execute(struct call *call)
{
	switch (call->request->verb) {
	case VERB_PING:
		return do_ping(call);
	case VERB_STATUS:
		return do_status(call);
	case VERB_SYNC:
		return do_sync(call);
	case VERB_WAIT:
		return do_wait(call);
	case VERB_LS:
		return do_ls(call);
	case VERB_EVICT:
	case VERB_WARM:
		return do_move(call);
	case VERB_PIN:
		return do_pin(call);
	case VERB_UNPIN:
		return do_unpin(call);
	case VERB_REMOUNT:
		return do_remount(call);
	case VERB_UMOUNT:
		return do_umount(call);
	case VERB_INVALID:
		break;
	}
	return err_set(-EINVAL, "the request has no verb");
}

bool control_execute(struct control_target *target, struct control_connection *connection,
		     const struct control_request *request)
{
	struct call call = { .target = target, .connection = connection, .request = request };
	int result = execute(&call);

	if (result)
		control_answer_error(connection,
				     result == -EBUSY ? CONTROL_CODE_MOUNT_BUSY : err_name(result),
				     result);
	control_connection_flush(connection);
	return !result && request->verb == VERB_UMOUNT;
}
