/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/fetch_queue.h"

#include <assert.h>
#include <stddef.h>

static void list_init(struct fetch_list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static void list_push(struct fetch_list *list, struct fetch_job *job)
{
	job->next = NULL;
	*list->end = job;
	list->end = &job->next;
}

/* Takes out the job that a link of the list points to. */
static struct fetch_job *list_take(struct fetch_list *list, struct fetch_job **link)
{
	struct fetch_job *job = *link;

	*link = job->next;
	if (list->end == &job->next)
		list->end = link;
	return job;
}

static uint64_t raw_bytes(const struct fetch_job *job)
{
	uint64_t bytes = 0;
	uint32_t i;

	for (i = 0; i < job->count; i++)
		bytes += job->targets[i].row.raw_length;
	return bytes;
}

void fetch_queue_init(struct fetch_queue *queue, unsigned int ahead_max)
{
	*queue = (struct fetch_queue){ .ahead_max = ahead_max };
	list_init(&queue->urgent);
	list_init(&queue->ahead);
}

void fetch_queue_add(struct fetch_queue *queue, struct fetch_job *job, bool guessed,
		     const void *owner)
{
	job->guessed = guessed;
	job->owner = owner;
	job->state = guessed ? FETCH_JOB_AHEAD : FETCH_JOB_URGENT;
	list_push(guessed ? &queue->ahead : &queue->urgent, job);
	if (guessed)
		queue->ahead_bytes += raw_bytes(job);
}

void fetch_queue_hurry(struct fetch_queue *queue, struct fetch_job *job)
{
	struct fetch_job **link = &queue->ahead.first;

	if (job->state != FETCH_JOB_AHEAD)
		return;
	while (*link != job)
		link = &(*link)->next;
	list_take(&queue->ahead, link);
	queue->ahead_bytes -= raw_bytes(job);
	job->guessed = false;
	job->state = FETCH_JOB_URGENT;
	list_push(&queue->urgent, job);
}

struct fetch_job *fetch_queue_take(struct fetch_queue *queue)
{
	struct fetch_job *job = NULL;

	if (queue->urgent.first) {
		job = list_take(&queue->urgent, &queue->urgent.first);
	} else if (queue->ahead.first && queue->ahead_running < queue->ahead_max) {
		job = list_take(&queue->ahead, &queue->ahead.first);
		queue->ahead_running++;
	}
	if (job)
		job->state = FETCH_JOB_RUNNING;
	return job;
}

void fetch_queue_done(struct fetch_queue *queue, struct fetch_job *job)
{
	assert(job->state == FETCH_JOB_RUNNING);
	if (!job->guessed)
		return;
	queue->ahead_running--;
	queue->ahead_bytes -= raw_bytes(job);
}

struct fetch_job *fetch_queue_cancel(struct fetch_queue *queue, const void *owner)
{
	struct fetch_job **link = &queue->ahead.first;
	struct fetch_job *job;

	while (*link && owner && (*link)->owner != owner)
		link = &(*link)->next;
	if (!*link)
		return NULL;
	job = list_take(&queue->ahead, link);
	queue->ahead_bytes -= raw_bytes(job);
	return job;
}
