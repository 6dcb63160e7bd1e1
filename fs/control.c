/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/control.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/base/lock.h"
#include "backend/base/log.h"
#include "fs/control_proto.h"
#include "fs/control_socket.h"
#include "fs/control_verbs.h"
#include "fs/status_json.h"

/* How long a gateway may take to answer a ping. */
#define ANSWER_SECONDS 5

struct client {
	struct client *next; /* guarded by lock */
	struct control *control;
	pthread_t thread;		      /* owned by the acceptor, then by control_stop() */
	struct control_connection connection; /* owned by its thread */
};

struct control {
	/* immutable while serving */
	struct control_target target;
	char *cache_directory;
	int listen_fd;
	pthread_t acceptor;
	struct lock lock;
	struct condition changed;
	/* guarded by lock */
	struct client *clients; /* being served */
	unsigned int count;
	struct client *finished; /* their threads are to be joined */
	struct client *leavers;	 /* likewise, and they wait for the last line */
	/* set by control_stop() */
	json_t *last_status;
};

/* Serves requests until the client goes, or has asked for the umount (true). */
static bool serve(struct client *client)
{
	struct control_connection *connection = &client->connection;
	struct control_request request;
	const char *line;
	size_t length;
	bool leaving;
	int result;

	while ((result = control_connection_read(connection, &line, &length)) > 0) {
		result = control_request_parse(line, length, &request);
		if (result) {
			control_answer_error(connection, CONTROL_CODE_BAD_REQUEST, result);
			control_connection_flush(connection);
			continue;
		}
		leaving = control_execute(&client->control->target, connection, &request);
		control_request_release(&request);
		if (leaving)
			return true;
	}
	if (result < 0) {
		control_answer_error(connection, CONTROL_CODE_BAD_REQUEST, result);
		control_connection_flush(connection);
	}
	return false;
}

static void unlink_client_locked(struct control *control, struct client *client)
{
	struct client **place = &control->clients;

	lock_assert_held(&control->lock);
	while (*place != client)
		place = &(*place)->next;
	*place = client->next;
}

static void client_free(struct client *client)
{
	control_connection_release(&client->connection);
	free(client);
}

static void *client_thread(void *arg)
{
	struct client *client = arg;
	struct control *control = client->control;
	bool leaving = serve(client);
	struct client **list = leaving ? &control->leavers : &control->finished;

	lock_acquire(&control->lock);
	unlink_client_locked(control, client);
	client->next = *list;
	*list = client;
	/* Under the lock, so that stop_clients() never shuts down a descriptor
	 * that is somebody else's by now. */
	if (!leaving)
		control_connection_close(&client->connection);
	control->count--;
	condition_broadcast(&control->changed);
	lock_release(&control->lock);
	return NULL;
}

/* Joins the threads that have ended. */
static void reap_finished(struct control *control)
{
	struct client *list;

	lock_acquire(&control->lock);
	list = control->finished;
	control->finished = NULL;
	lock_release(&control->lock);
	while (list) {
		struct client *client = list;

		list = client->next;
		pthread_join(client->thread, NULL);
		client_free(client);
	}
}

static void refuse(struct client *client)
{
	control_answer_error(&client->connection, err_name(-ERR_try_again),
			     err_set(-ERR_try_again, "%d control connections are open already",
				     CONTROL_CONNECTIONS_MAX));
	control_connection_flush(&client->connection);
	client_free(client);
}

static void admit(struct control *control, int fd)
{
	struct client *client = xcalloc(1, sizeof(*client));
	bool admitted;

	client->control = control;
	control_connection_init(&client->connection, fd);
	lock_acquire(&control->lock);
	admitted = control->count < CONTROL_CONNECTIONS_MAX;
	if (admitted) {
		client->next = control->clients;
		control->clients = client;
		control->count++;
	}
	lock_release(&control->lock);
	if (!admitted) {
		refuse(client);
		return;
	}
	if (pthread_create(&client->thread, NULL, client_thread, client)) {
		lock_acquire(&control->lock);
		unlink_client_locked(control, client);
		control->count--;
		lock_release(&control->lock);
		refuse(client);
	}
}

static void *accept_clients(void *arg)
{
	struct control *control = arg;

	while (!atomic_load(&control->target.stopping)) {
		int fd = accept4(control->listen_fd, NULL, NULL, SOCK_CLOEXEC);

		reap_finished(control);
		if (fd >= 0)
			admit(control, fd);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
			usleep(100 * 1000); /* until descriptors are closed */
	}
	return NULL;
}

int control_start(const struct control_conf *conf, struct control **out)
{
	struct control *control;
	int fd;
	int result = control_socket_listen(conf->cache_directory, &fd);

	if (result)
		return result;
	control = xcalloc(1, sizeof(*control));
	control->target.cache = conf->cache;
	control->target.session = conf->session;
	control->target.mountpoint = conf->mountpoint;
	control->cache_directory = xstrdup(conf->cache_directory);
	control->listen_fd = fd;
	lock_init(&control->lock, LOCK_RANK_CONTROL);
	condition_init(&control->changed);
	if (pthread_create(&control->acceptor, NULL, accept_clients, control)) {
		close(fd);
		free(control->cache_directory);
		free(control);
		return err_set(-ERR_local_io, "cannot start the thread of the control socket");
	}
	*out = control;
	return 0;
}

/* Ends the requests of all clients, and waits for their threads. */
static void stop_clients(struct control *control)
{
	struct client *client;

	lock_acquire(&control->lock);
	for (client = control->clients; client; client = client->next)
		shutdown(client->connection.fd, SHUT_RD);
	while (control->count)
		condition_wait(&control->changed, &control->lock);
	lock_release(&control->lock);
	reap_finished(control);
	for (client = control->leavers; client; client = client->next)
		pthread_join(client->thread, NULL);
}

void control_stop(struct control *control)
{
	struct cache_status status;

	atomic_store(&control->target.stopping, true);
	control_socket_remove(control->cache_directory);
	shutdown(control->listen_fd, SHUT_RDWR);
	pthread_join(control->acceptor, NULL);
	close(control->listen_fd);
	stop_clients(control);
	cache_status_get(control->target.cache, &status);
	control->last_status = status_to_json(&status, control->target.mountpoint);
}

void control_free(struct control *control)
{
	while (control->leavers) {
		struct client *client = control->leavers;
		json_t *done = control_event(CONTROL_EVENT_DONE);

		control->leavers = client->next;
		json_object_set(done, CONTROL_STATUS, control->last_status);
		control_connection_put(&client->connection, done);
		control_connection_flush(&client->connection);
		client_free(client);
	}
	json_decref(control->last_status);
	condition_destroy(&control->changed);
	lock_destroy(&control->lock);
	free(control->cache_directory);
	free(control);
}

/* A ping is answered, and the answer says so. */
static bool answers_mounted(struct control_connection *connection)
{
	json_t *request = json_pack("{s:s}", CONTROL_VERB, CONTROL_VERB_PING);
	const char *line;
	size_t length;
	json_t *answer;
	int mounted = 0;

	control_connection_put(connection, request);
	if (!control_connection_flush(connection))
		return false;
	if (control_connection_read(connection, &line, &length) <= 0)
		return false;
	answer = json_loadb(line, length, 0, NULL);
	json_unpack(answer, "{s:b}", CONTROL_MOUNTED, &mounted);
	json_decref(answer);
	return mounted;
}

bool control_is_mounted(const char *cache_directory)
{
	const struct timeval patience = { .tv_sec = ANSWER_SECONDS };
	struct control_connection connection;
	bool mounted;
	int fd;

	if (control_socket_connect(cache_directory, &fd))
		return false;
	control_connection_init(&connection, fd);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	mounted = answers_mounted(&connection);
	control_connection_release(&connection);
	return mounted;
}
