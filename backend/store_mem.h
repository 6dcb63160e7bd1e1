/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store of mem://name: objects in the memory of this process.
 *
 * Stores opened by one name share their objects, which outlive the stores:
 * a test frees everything ("the machine is lost"), opens the name again and
 * finds the bucket as it was, until store_mem_forget().
 */
#ifndef DRAY_STORE_MEM_H
#define DRAY_STORE_MEM_H

#include "backend/store.h"

/* Never fails: the first opening of a name makes it. */
struct store *store_mem_open(const char *name);

/* Drops all objects of this name; stores of this name go on, empty. */
void store_mem_forget(const char *name);

#endif
