/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/dir_order.h"

static void score(int *score, bool follows)
{
	*score += follows ? 1 : -2;
	if (*score < 0)
		*score = 0;
	if (*score > DIR_ORDER_SCORE_MAX)
		*score = DIR_ORDER_SCORE_MAX;
}

static void note_scores(struct dir_order *order, uint64_t ino, uint64_t cookie)
{
	score(&order->ino_score,
	      ino > order->last_ino && ino - order->last_ino <= DIR_ORDER_INO_GAP);
	score(&order->cookie_score, order->last_cookie && cookie > order->last_cookie);
	order->last_ino = ino;
	order->last_cookie = cookie;
}

static void believe(struct dir_order *order)
{
	if (order->ino_score >= DIR_ORDER_SURE)
		order->kind = DIR_ORDER_INO;
	else if (order->cookie_score >= DIR_ORDER_SURE)
		order->kind = DIR_ORDER_COOKIE;
	order->asked = 0;
	order->half = 0;
	order->files = DIR_ORDER_FILES_MIN;
}

static bool is_wrong(const struct dir_order *order)
{
	return !(order->kind == DIR_ORDER_INO ? order->ino_score : order->cookie_score);
}

enum dir_order_verdict dir_order_note(struct dir_order *order, uint64_t ino, uint64_t cookie,
				      struct dir_order_wish *wish)
{
	uint64_t before = order->kind == DIR_ORDER_INO ? order->last_ino : order->last_cookie;
	uint64_t at;

	note_scores(order, ino, cookie);
	order->read++;
	if (order->known < order->read)
		order->known = order->read;
	if (order->kind == DIR_ORDER_NONE)
		believe(order);
	if (order->kind == DIR_ORDER_NONE)
		return DIR_ORDER_QUIET;
	if (is_wrong(order)) {
		order->kind = DIR_ORDER_NONE;
		order->read = order->known = 0;
		return DIR_ORDER_WRONG;
	}
	at = order->kind == DIR_ORDER_INO ? ino : cookie;
	if (order->asked == UINT64_MAX && at < before) {
		/* From the begin once more. */
		order->asked = order->half = 0;
		order->files = DIR_ORDER_FILES_MIN;
		order->read = order->known = 1;
	}
	if (at < order->half || order->asked == UINT64_MAX)
		return DIR_ORDER_QUIET;
	wish->kind = order->kind;
	wish->after = at > order->asked ? at : order->asked;
	wish->files = order->files;
	wish->known = order->known;
	if (order->files < DIR_ORDER_FILES_MAX)
		order->files *= 2;
	return DIR_ORDER_WISH;
}

void dir_order_asked(struct dir_order *order, const struct dir_order_wish *wish, uint64_t half,
		     uint64_t until, unsigned int files)
{
	if (order->kind != wish->kind)
		return; /* disproved meanwhile */
	order->half = half;
	order->asked = until;
	order->known += files;
}
