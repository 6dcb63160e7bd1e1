/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The promises of backend/store.h as test cases, run on the stores of one
 * factory: `store_suite NAME`. Each case gets a fresh, empty store.
 */
#ifndef DRAY_TESTS_STORE_SUITE_H
#define DRAY_TESTS_STORE_SUITE_H

#include <check.h>

#include "backend/store.h"

/* Makes stores of one kind. All stores opened between begin and end share
 * their objects. */
struct factory {
	const char *name;
	bool remote;	     /* calls are slow: fewer rounds, fewer threads of them */
	void (*begin)(void); /* makes an empty place for objects */
	struct store *(*open)(void);
	void (*end)(void); /* removes the place, after the last store was freed */
};

/* The factory of this name, or NULL. */
const struct factory *factory_find(const char *name);

/* The factory under test, and the store that the case works on. */
extern const struct factory *suite_factory;
extern struct store *suite_store;

/* Frees suite_store and opens it again. */
void suite_reopen(void);
/* So many rounds of a race, fewer where calls are slow. */
int suite_rounds(int rounds);

/* Puts text under key; the case fails when that fails. */
void suite_put_text(const char *key, const char *text);
/* The case fails unless key holds exactly these bytes. */
void suite_expect(const char *key, const void *bytes, size_t length);
void suite_expect_text(const char *key, const char *text);

TCase *cases_object(void);
TCase *cases_list(void);
TCase *cases_threads(void);

#endif
