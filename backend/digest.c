/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/digest.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "backend/base/id.h"

/*
 * Looking an algorithm up by name costs as much as hashing a few KiB, so it
 * is done once. The template carries "HMAC over SHA-256" and no key; it is
 * only ever copied. Both live as long as the process.
 */
static EVP_MD *sha256;
static EVP_MAC_CTX *hmac_template;
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;

static void check(bool success)
{
	if (success)
		return;
	fputs("dray: SHA-256 of libcrypto failed: out of memory or no default provider\n", stderr);
	abort();
}

static void fetch(void)
{
	char name[] = "SHA256";
	const OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);

	sha256 = EVP_MD_fetch(NULL, name, NULL);
	check(sha256 && hmac);
	hmac_template = EVP_MAC_CTX_new(hmac);
	check(hmac_template);
	check(EVP_MAC_CTX_set_params(hmac_template, parameters));
	EVP_MAC_free(hmac); /* the template keeps its own reference */
}

struct digest digest_of(const void *bytes, size_t length)
{
	struct digest digest;

	pthread_once(&fetch_once, fetch);
	check(EVP_Digest(bytes, length, digest.bytes, NULL, sha256, NULL));
	return digest;
}

struct digest digest_hmac(const void *key, size_t key_length, const void *bytes, size_t length)
{
	struct digest digest;
	EVP_MAC_CTX *context;

	pthread_once(&fetch_once, fetch);
	context = EVP_MAC_CTX_dup(hmac_template);
	check(context);
	/* A NULL key would mean "keep the key that is set". */
	check(EVP_MAC_init(context, key_length ? key : "", key_length, NULL));
	check(EVP_MAC_update(context, bytes, length));
	check(EVP_MAC_final(context, digest.bytes, NULL, sizeof(digest.bytes)));
	EVP_MAC_CTX_free(context);
	return digest;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return CRYPTO_memcmp(a->bytes, b->bytes, DIGEST_BYTES) == 0;
}

void digest_to_hex(const struct digest *digest, char text[DIGEST_HEX_SIZE])
{
	hex_encode(digest->bytes, DIGEST_BYTES, text);
}

bool digest_from_hex(struct digest *digest, const char *text)
{
	return hex_decode(text, digest->bytes, DIGEST_BYTES);
}

void digest_stream_init(struct digest_stream *stream)
{
	pthread_once(&fetch_once, fetch);
	stream->context = EVP_MD_CTX_new();
	check(stream->context);
	check(EVP_DigestInit_ex2(stream->context, sha256, NULL));
}

void digest_stream_add(struct digest_stream *stream, const void *bytes, size_t length)
{
	check(EVP_DigestUpdate(stream->context, bytes, length));
}

struct digest digest_stream_finish(struct digest_stream *stream)
{
	struct digest digest;

	check(EVP_DigestFinal_ex(stream->context, digest.bytes, NULL));
	check(EVP_DigestInit_ex2(stream->context, sha256, NULL));
	return digest;
}

void digest_stream_release(struct digest_stream *stream)
{
	EVP_MD_CTX_free(stream->context);
	stream->context = NULL;
}
