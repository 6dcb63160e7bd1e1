/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/upload_claims.h"

#include <assert.h>
#include <stdlib.h>

void upload_claims_init(struct upload_claims *claims)
{
	*claims = (struct upload_claims){ 0 };
	lock_init(&claims->lock, LOCK_RANK_COMMIT);
	condition_init(&claims->changed);
}

void upload_claims_release(struct upload_claims *claims)
{
	condition_destroy(&claims->changed);
	lock_destroy(&claims->lock);
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool has_locked(const struct upload_claims *claims, uint64_t ino)
{
	lock_assert_held(&claims->lock);
	return claims->inos_count &&
	       bsearch(&ino, claims->inos, claims->inos_count, sizeof(ino), compare_numbers);
}

uint64_t upload_claims_close(struct upload_claims *claims)
{
	uint64_t ino;

	lock_acquire(&claims->lock);
	claims->closed = true;
	ino = claims->bulk_ino;
	lock_release(&claims->lock);
	return ino;
}

void upload_claims_take(struct upload_claims *claims, const uint64_t *inos, size_t count)
{
	lock_acquire(&claims->lock);
	claims->inos = inos;
	claims->inos_count = count;
	while (claims->bulk_ino && has_locked(claims, claims->bulk_ino))
		condition_wait(&claims->changed, &claims->lock);
	claims->closed = false;
	condition_broadcast(&claims->changed);
	lock_release(&claims->lock);
}

void upload_claims_drop(struct upload_claims *claims)
{
	lock_acquire(&claims->lock);
	claims->inos = NULL;
	claims->inos_count = 0;
	claims->closed = false;
	condition_broadcast(&claims->changed);
	lock_release(&claims->lock);
}

bool upload_claims_begin(struct upload_claims *claims, uint64_t ino)
{
	bool begun;

	lock_acquire(&claims->lock);
	assert(!claims->bulk_ino);
	while (claims->closed)
		condition_wait(&claims->changed, &claims->lock);
	begun = !has_locked(claims, ino);
	if (begun)
		claims->bulk_ino = ino;
	lock_release(&claims->lock);
	return begun;
}

bool upload_claims_are_contended(struct upload_claims *claims)
{
	bool contended;

	lock_acquire(&claims->lock);
	contended = claims->closed || has_locked(claims, claims->bulk_ino);
	lock_release(&claims->lock);
	return contended;
}

void upload_claims_end(struct upload_claims *claims)
{
	lock_acquire(&claims->lock);
	claims->bulk_ino = 0;
	condition_broadcast(&claims->changed);
	lock_release(&claims->lock);
}
