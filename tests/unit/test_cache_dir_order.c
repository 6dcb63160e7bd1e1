/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/dir_order.h"
#include "tests/lib/unit.h"

#define FILES 2000

/* Cookies are hashes: of files in the order of their numbers they are in none. */
static uint64_t cookie_of(uint64_t ino)
{
	return ino * 0x9e3779b97f4a7c15u >> 8 | 1;
}

/* Carries a wish out, as if file `n` of the order were at position place(n). */
static uint64_t carry_out(struct dir_order *order, const struct dir_order_wish *wish,
			  uint64_t (*place)(uint64_t), uint64_t count)
{
	uint64_t first = 0;
	uint64_t last;

	while (first < count && place(first) <= wish->after)
		first++;
	last = first + wish->files;
	dir_order_asked(order, wish, place(first + wish->files / 2 - 1),
			last < count ? place(last - 1) : UINT64_MAX, wish->files);
	return last;
}

static uint64_t same(uint64_t n)
{
	return n + 100;
}

START_TEST(files_in_the_order_of_their_numbers_are_wished_for_in_time)
{
	struct dir_order order = { 0 };
	struct dir_order_wish wish;
	uint64_t known = 0;
	uint64_t n;

	for (n = 0; n < FILES; n++) {
		if (dir_order_note(&order, same(n), cookie_of(n), &wish) == DIR_ORDER_WISH) {
			ck_assert_int_eq(wish.kind, DIR_ORDER_INO);
			known = carry_out(&order, &wish, same, FILES);
		}
		if (n >= DIR_ORDER_SURE)
			ck_assert_uint_gt(known, n);
		ck_assert_uint_ge(order.known, known < FILES ? known : n);
	}
	ck_assert_uint_ge(known, FILES);
	/* Once more: it begins small. */
	for (n = 0; dir_order_note(&order, same(n), cookie_of(n), &wish) != DIR_ORDER_WISH; n++)
		ck_assert_uint_lt(n, 10);
	ck_assert_uint_eq(wish.files, DIR_ORDER_FILES_MIN);
}
END_TEST

START_TEST(files_in_the_order_of_a_listing_are_wished_for_by_cookie)
{
	struct dir_order order = { 0 };
	struct dir_order_wish wish;
	uint64_t known = 0;
	uint64_t n;

	for (n = 0; n < FILES; n++) {
		if (dir_order_note(&order, cookie_of(n), same(n), &wish) == DIR_ORDER_WISH) {
			ck_assert_int_eq(wish.kind, DIR_ORDER_COOKIE);
			known = carry_out(&order, &wish, same, FILES);
		}
		if (n >= DIR_ORDER_SURE)
			ck_assert_uint_gt(known, n);
	}
}
END_TEST

START_TEST(two_readers_of_one_directory_disturb_each_other_little)
{
	struct dir_order order = { 0 };
	struct dir_order_wish wish;
	uint64_t known = 0;
	uint64_t n;

	for (n = 0; n < FILES; n++) {
		/* Every fourth file is read before the one in front of it. */
		uint64_t file = n % 4 == 2 ? n + 1 : n % 4 == 3 ? n - 1 : n;

		if (dir_order_note(&order, same(file), cookie_of(file), &wish) == DIR_ORDER_WISH)
			known = carry_out(&order, &wish, same, FILES);
		if (n > 100)
			ck_assert_uint_gt(known, n);
	}
}
END_TEST

START_TEST(files_in_no_order_are_not_wished_for)
{
	struct dir_order order = { 0 };
	struct dir_order_wish wish;
	unsigned int wishes = 0;
	uint64_t n;

	for (n = 0; n < FILES; n++) {
		uint64_t ino = 1000 + n * 7919 % 50021;

		if (dir_order_note(&order, ino, cookie_of(ino), &wish) != DIR_ORDER_WISH)
			continue;
		wishes++;
		dir_order_asked(&order, &wish, wish.after + 1, wish.after + 1, 1);
	}
	/* By chance some seem to be in one. */
	ck_assert_uint_lt(wishes, FILES / 20);
}
END_TEST

START_TEST(who_leaves_the_order_is_told_so_once)
{
	struct dir_order order = { 0 };
	struct dir_order_wish wish;
	unsigned int wrong = 0;
	uint64_t n;

	for (n = 0; n < 20; n++)
		if (dir_order_note(&order, same(n), 0, &wish) == DIR_ORDER_WISH)
			carry_out(&order, &wish, same, FILES);
	for (n = 0; n < 20; n++)
		wrong += dir_order_note(&order, 1000000 - 1000 * n, 0, &wish) == DIR_ORDER_WRONG;
	ck_assert_uint_eq(wrong, 1);
}
END_TEST

UNIT_MAIN("cache_dir_order", files_in_the_order_of_their_numbers_are_wished_for_in_time,
	  files_in_the_order_of_a_listing_are_wished_for_by_cookie,
	  two_readers_of_one_directory_disturb_each_other_little,
	  files_in_no_order_are_not_wished_for, who_leaves_the_order_is_told_so_once)
