/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/policy.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "cache/cache_int.h"
#include "cache/inode.h"

/* No tree is so deep; the parents of a corrupt index may lead in circles. */
#define DEPTH_MAX 65536

static const char *const durability_names[] = {
#define X(name, spelling) spelling,
	DURABILITIES(X)
#undef X
};

/* Values. */

static int parse_rpo(const void *value, size_t length, int64_t *rpo_ns_out)
{
	const char *digits = value;
	int64_t seconds = 0;
	size_t i;

	for (i = 0; i < length; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return -EINVAL;
		seconds = seconds * 10 + (digits[i] - '0');
		if (seconds > POLICY_RPO_SECONDS_MAX)
			return -EINVAL;
	}
	*rpo_ns_out = seconds * NS_PER_SECOND;
	return seconds ? 0 : -EINVAL;
}

static int parse_durability(const void *value, size_t length, enum durability *out)
{
	size_t i;

	for (i = 0; i < sizeof(durability_names) / sizeof(durability_names[0]); i++) {
		if (strlen(durability_names[i]) != length ||
		    memcmp(durability_names[i], value, length))
			continue;
		*out = (enum durability)i;
		return 0;
	}
	return -EINVAL;
}

bool policy_is_name(const char *name)
{
	return !strcmp(name, POLICY_RPO_XATTR) || !strcmp(name, POLICY_DURABILITY_XATTR);
}

int policy_check(const char *name, const void *value, size_t length)
{
	struct policy policy;

	return !strcmp(name, POLICY_RPO_XATTR)
		       ? parse_rpo(value, length, &policy.rpo_ns)
		       : parse_durability(value, length, &policy.durability);
}

void policy_format(const struct policy *policy, const char *name, struct buffer *out)
{
	if (!strcmp(name, POLICY_RPO_XATTR))
		buffer_printf(out, "%lld", (long long)(policy->rpo_ns / NS_PER_SECOND));
	else
		buffer_printf(out, "%s", durability_names[policy->durability]);
}

/* What was found before. */

void policies_init(struct policies *policies)
{
	lock_init(&policies->lock, LOCK_RANK_LEAF);
}

void policies_destroy(struct policies *policies)
{
	lock_destroy(&policies->lock);
}

void policies_forget(struct cache *cache)
{
	struct policies *policies = &cache->policies;

	lock_acquire(&policies->lock);
	policies->generation++;
	memset(policies->places, 0, sizeof(policies->places));
	lock_release(&policies->lock);
}

static struct policy_place *place_locked(struct policies *policies, uint64_t directory)
{
	lock_assert_held(&policies->lock);
	return &policies->places[directory % POLICY_PLACES];
}

/* True when the directory is known; *generation_out as of the look. */
static bool recall(struct policies *policies, uint64_t directory, struct policy *out,
		   uint64_t *generation_out)
{
	const struct policy_place *place;
	bool known;

	lock_acquire(&policies->lock);
	place = place_locked(policies, directory);
	known = place->directory == directory;
	if (known)
		*out = place->policy;
	*generation_out = policies->generation;
	lock_release(&policies->lock);
	return known;
}

static void remember(struct policies *policies, uint64_t directory, const struct policy *policy,
		     uint64_t generation)
{
	lock_acquire(&policies->lock);
	if (policies->generation == generation)
		*place_locked(policies, directory) =
			(struct policy_place){ .directory = directory, .policy = *policy };
	lock_release(&policies->lock);
}

/* Looking. */

/* What is known so far on the way up. */
struct search {
	struct cache *cache;
	bool has_rpo;
	bool has_durability;
	struct policy policy;
};

static int look_at(struct search *search, uint64_t directory)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct row_key key;
	int result = -ENOENT;

	key_xattr(&key, directory, POLICY_RPO_XATTR, strlen(POLICY_RPO_XATTR));
	if (!search->has_rpo)
		result = index_get(search->cache->index, &key, &value);
	if (!result)
		search->has_rpo = !parse_rpo(value.data, value.length, &search->policy.rpo_ns);
	if (result && result != -ENOENT)
		return result;
	result = -ENOENT;
	buffer_clear(&value);
	key_xattr(&key, directory, POLICY_DURABILITY_XATTR, strlen(POLICY_DURABILITY_XATTR));
	if (!search->has_durability)
		result = index_get(search->cache->index, &key, &value);
	if (!result)
		search->has_durability =
			!parse_durability(value.data, value.length, &search->policy.durability);
	return result == -ENOENT ? 0 : result;
}

/* 0: there is nothing above, or the directory is gone. */
static int get_parent(struct cache *cache, uint64_t directory, uint64_t *out)
{
	struct inode inode = { 0 };
	int result = inode_load(cache, directory, &inode);

	*out = directory == ROOT_INO || result ? 0 : inode.row.parent;
	inode_release(&inode);
	return result == -ENOENT ? 0 : result;
}

static void inherit(struct search *search, const struct policy *above)
{
	if (!search->has_rpo)
		search->policy.rpo_ns = above->rpo_ns;
	if (!search->has_durability)
		search->policy.durability = above->durability;
}

int policy_get(struct cache *cache, uint64_t directory, struct policy *out)
{
	const struct policy of_mount = { .rpo_ns = cache->conf.rpo_ns ? cache->conf.rpo_ns
								      : POLICY_RPO_NS_DEFAULT,
					 .durability = cache->conf.durability };
	struct search search = { .cache = cache };
	uint64_t at = directory ? directory : ROOT_INO;
	uint64_t first = at;
	uint64_t generation;
	uint64_t newer;
	struct policy above = of_mount;
	int depth;
	int result = 0;

	if (recall(&cache->policies, at, out, &generation))
		return 0;
	for (depth = 0; at && depth < DEPTH_MAX; depth++) {
		if (at != first && recall(&cache->policies, at, &above, &newer))
			break;
		result = look_at(&search, at);
		if (!result)
			result = get_parent(cache, at, &at);
		if (result)
			return result;
	}
	inherit(&search, &above);
	remember(&cache->policies, first, &search.policy, generation);
	*out = search.policy;
	return 0;
}

int policy_of_inode(struct cache *cache, uint64_t ino, struct policy *out)
{
	struct inode inode = { 0 };
	int result = inode_load(cache, ino, &inode);

	if (!result)
		result = policy_get(cache, S_ISDIR(inode.row.mode) ? ino : inode.row.parent, out);
	inode_release(&inode);
	return result;
}
