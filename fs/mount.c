/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/mount.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "backend/store_retry.h"
#include "backend/store_stats.h"
#include "backend/store_unconditional.h"
#include "cache/cache.h"
#include "fs/control.h"
#include "fs/daemon.h"
#include "fs/mountpoint.h"
#include "fs/session.h"
#include "fs/signals.h"

/* How long the gateway that has just been unmounted may take to let go of the
 * cache directory. */
#define CACHE_WAIT_NS (60 * NS_PER_SECOND)

/* Somebody waits at the terminal for the mount, or for why there is none. */
#define STORE_WAIT_NS (10 * NS_PER_SECOND)

/* Of -1000 to 1000: the kernel should rather end something else. */
#define OOM_SCORE "-500"

struct mount {
	struct mount_conf *conf;
	int ready_fd;
	struct signals *signals;
	char *mountpoint;
	struct store *store;
	struct store *stats;
	struct store *retry;
	struct volume_params volume;
	struct cache *cache;	 /* owns store once it is open */
	struct nocache *nocache; /* until fs owns it */
	struct fs fs;
	struct session *session;
	struct control *control;
};

/*
 * Buffers of chunks and packs come and go on many threads. Without these, the
 * allocator keeps for each thread what the largest of them once needed.
 */
#define MALLOC_MMAP_BYTES (256 << 10)
#define MALLOC_ARENAS	  4

/* What the process may ask of the system; none of it is needed. */
static void prepare_process(void)
{
	CLEANUP_FD int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	struct rlimit files;

	mallopt(M_MMAP_THRESHOLD, MALLOC_MMAP_BYTES);
	mallopt(M_ARENA_MAX, MALLOC_ARENAS);
	if (fd >= 0 && write(fd, OOM_SCORE, strlen(OOM_SCORE)) < 0)
		log_debug("the OOM score stays as it is");
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
#ifdef PR_SET_IO_FLUSHER
	/* Memory is reclaimed by writing pages to us; so our own allocations
	 * must not wait for that. */
	prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
#endif
}

static void show_progress(const char *what, uint64_t done, uint64_t total, void *arg)
{
	struct mount *mount = arg;

	daemon_progress(mount->ready_fd, what, done, total);
}

/* The descriptor stays open as long as the process, which logs to its end. */
static int open_log(const struct mount_conf *conf)
{
	int fd;

	if (!conf->log)
		return 0;
	fd = open(conf->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set_errno(-ERR_bad_option, errno, "cannot write to the log %s",
				     conf->log);
	log_to_fd(fd);
	return 0;
}

static int open_store(struct mount *mount)
{
	const struct store_retry_conf retry = STORE_RETRY_CONF_DEFAULT;
	struct store *bottom;
	int result = store_open(mount->conf->url, false, &bottom);

	if (result)
		return result;
	if (mount->conf->unsafe_single_writer)
		bottom = store_unconditional_new(bottom);
	mount->stats = store_stats_new(bottom);
	mount->retry = store_retry_new(mount->stats, &retry);
	mount->store = mount->retry;
	/* A wrong endpoint is known soon; an outage later is waited out. */
	store_retry_hurry(mount->retry, STORE_WAIT_NS);
	result = cache_read_volume(mount->store, mount->conf->url, &mount->volume);
	store_retry_hurry(mount->retry, 0);
	return result;
}

char *mount_default_cache(const struct id *volume)
{
	const char *base = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	char uuid[UUID_TEXT_SIZE];

	id_to_uuid(volume, uuid);
	if (!geteuid())
		return xasprintf("/var/cache/dray/%s", uuid);
	if (base && *base == '/')
		return xasprintf("%s/dray/%s", base, uuid);
	return xasprintf("%s/.cache/dray/%s", home ? home : "", uuid);
}

/* The daemon leaves the working directory, so paths become absolute. */
static int choose_cache(struct mount *mount)
{
	struct mount_conf *conf = mount->conf;
	CLEANUP_FREE char *given = NULL;
	CLEANUP_FREE char *here = NULL;

	if (!conf->cache) {
		given = mount_default_cache(&mount->volume.uuid);
		conf->cache = xasprintf("%s%s", given, conf->follow ? "-follow" : "");
		return 0;
	}
	if (*conf->cache == '/')
		return 0;
	here = getcwd(NULL, 0);
	if (!here)
		return err_set_errno(-ERR_local_io, errno, "the working directory is unknown");
	given = conf->cache;
	conf->cache = xasprintf("%s/%s", here, given);
	return 0;
}

static void fill_cache_conf(struct mount *mount, struct cache_conf *out)
{
	const struct mount_conf *conf = mount->conf;

	*out = (struct cache_conf){
		.directory = conf->cache,
		.url = conf->url,
		.store = mount->store,
		.stats = mount->stats,
		.retry = mount->retry,
		.volume = mount->volume,
		.cache_bytes = conf->cache_bytes,
		.dirty_bytes = conf->dirty_bytes,
		.min_free_bytes = conf->min_free_bytes,
		.on_full = (enum full_policy)conf->on_full,
		.upload_delay_ns = conf->upload_delay_ns,
		.rpo_ns = conf->rpo_ns,
		.durability = (enum durability)conf->durability,
		.barrier_relaxed = conf->barrier,
		.lease_ttl_ns = conf->lease_ttl_ns,
		.upload_threads = (unsigned int)conf->upload_threads,
		.fetch_threads = (unsigned int)conf->fetch_threads,
		.zstd_level = (int)conf->zstd_level,
		.rewrite_bytes = conf->rewrite_bytes,
		.rewrite_age_ns = conf->rewrite_age_ns,
		.checkpoint_commits = (uint64_t)conf->checkpoint_commits,
		.checkpoint_bytes = conf->checkpoint_bytes,
		.takeover = conf->takeover,
		.follow = conf->follow,
		.follow_interval_ns = conf->follow_interval_ns,
		.progress = show_progress,
		.progress_arg = mount,
	};
}

/*
 * umount(8) returns when the kernel has let go of the mount, while its gateway
 * still writes down its state. So a cache directory in use is waited for.
 */
static int open_cache(struct mount *mount)
{
	const struct timespec pause = { .tv_nsec = 50 * NS_PER_MS };
	int64_t deadline = clock_boot_ns() + CACHE_WAIT_NS;
	struct cache_conf conf;
	int result;

	fill_cache_conf(mount, &conf);
	while ((result = cache_open(&conf, &mount->cache)) == -ERR_cache_busy &&
	       !control_is_mounted(conf.directory) && clock_boot_ns() < deadline) {
		daemon_progress(mount->ready_fd, "waiting for the previous gateway to end", 0, 0);
		nanosleep(&pause, NULL);
	}
	return result;
}

static int open_session(struct mount *mount)
{
	const char *source = mount->conf->fsname ? mount->conf->fsname : mount->conf->url;
	int result;

	fs_init(&mount->fs, mount->cache, mount->conf);
	mount->fs.nocache = mount->nocache;
	mount->nocache = NULL;
	result = session_open(&mount->fs, mount->mountpoint, source, &mount->session);
	if (result) {
		fs_stop(&mount->fs);
		fs_release(&mount->fs);
	}
	return result;
}

static void follow(struct mount *mount)
{
	if (mount->conf->follow)
		cache_follow(mount->cache, invalidate_change, &mount->fs);
}

static int open_control(struct mount *mount)
{
	const struct control_conf conf = {
		.cache = mount->cache,
		.session = mount->session,
		.cache_directory = mount->conf->cache,
		.mountpoint = mount->mountpoint,
	};

	return control_start(&conf, &mount->control);
}

/* Everything up to the mount; what was begun is undone by end(). */
static int begin(struct mount *mount)
{
	int result = open_log(mount->conf);

	if (!result)
		result = nocache_new(mount->conf->nocache_comm, mount->conf->nocache_uid,
				     &mount->nocache);
	if (!result)
		result = mountpoint_prepare(mount->conf->mountpoint, mount->conf->nonempty,
					    &mount->mountpoint);
	if (!result)
		result = open_store(mount);
	if (!result)
		result = choose_cache(mount);
	if (!result)
		result = open_cache(mount);
	if (!result)
		result = open_session(mount);
	if (!result)
		result = open_control(mount);
	if (!result)
		follow(mount);
	return result;
}

/* Nothing waits for the cloud: what is not there yet goes on with the next
 * mount. The replies that the cache still owes are given by cache_close(), so
 * the session is closed after it. */
static void end(struct mount *mount)
{
	/* Reads that wait for a store out of reach have nobody to answer. */
	if (mount->retry)
		store_retry_stop(mount->retry);
	if (mount->control)
		control_stop(mount->control);
	if (mount->session)
		fs_stop(&mount->fs);
	if (mount->cache)
		cache_close(mount->cache);
	else
		store_free(mount->store);
	if (mount->session) {
		session_close(mount->session);
		fs_release(&mount->fs);
	}
	if (mount->control)
		control_free(mount->control);
	nocache_free(mount->nocache);
	free(mount->mountpoint);
}

int mount_run(struct mount_conf *conf, int ready_fd)
{
	struct mount mount = { .conf = conf, .ready_fd = ready_fd };
	int result;

	prepare_process();
	conf->read_only |= conf->follow;
	mount.signals = signals_start();
	result = begin(&mount);
	if (result) {
		daemon_failed(ready_fd, err_message(result));
		signals_stop(mount.signals);
		end(&mount);
		return EXIT_FAILURE;
	}
	daemon_serving(ready_fd);
	log_info("%s is mounted on %s", conf->url, mount.mountpoint);
	result = session_run(mount.session, mount.signals);
	if (result)
		log_error("%s", err_message(result));
	end(&mount);
	log_info("%s is unmounted", conf->url);
	return result ? EXIT_FAILURE : EXIT_SUCCESS;
}
