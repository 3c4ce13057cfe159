#include "proto/stun/users.h"

#include "core/base/address.h"
#include "core/base/hash.h"

#define MOST_NAME 508

struct stun_user {
    struct stun_key *short_term, *md5, *sha256;
    uint8_t hash[STUN_USERHASH_BYTES];
    size_t length;
    uint8_t name[];
};

struct stun_users {
    char *realm;
    GPtrArray *list; /* struct stun_user *: the n-th has number n + 1 in the indexes */
    struct hash_index names, hashes;
};

void
stun_user_free(struct stun_user *user)
{
    if (!user)
        return;
    stun_key_free(user->short_term);
    stun_key_free(user->md5);
    stun_key_free(user->sha256);
    g_free(user);
}

static void
free_user(gpointer user)
{
    stun_user_free(user);
}

bool
stun_user_name_fits(struct span name)
{
    for (size_t i = 0; i < name.length; i++)
        if (name.bytes[i] < 0x20 || name.bytes[i] == 0x7f)
            return false;
    return name.length >= 1 && name.length <= MOST_NAME;
}

struct stun_user *
stun_user_new(struct span name, struct span realm, struct span password)
{
    struct stun_user *user;

    if (!stun_user_name_fits(name))
        return NULL;
    user = g_malloc0(sizeof *user + name.length);
    user->short_term = stun_key_new_short_term(password);
    user->md5 = stun_key_new_long_term(STUN_ALGORITHM_MD5, name, realm, password);
    user->sha256 = stun_key_new_long_term(STUN_ALGORITHM_SHA256, name, realm, password);
    stun_userhash(name, realm, user->hash);
    user->length = name.length;
    memcpy(user->name, name.bytes, name.length);
    return user;
}

struct stun_users *
stun_users_new(const char *realm)
{
    struct stun_users *users = g_new0(struct stun_users, 1);

    users->realm = g_strdup(realm);
    users->list = g_ptr_array_new_with_free_func(free_user);
    return users;
}

void
stun_users_free(struct stun_users *users)
{
    if (!users)
        return;
    hash_index_clear(&users->names);
    hash_index_clear(&users->hashes);
    g_ptr_array_free(users->list, TRUE);
    g_free(users->realm);
    g_free(users);
}

struct span
stun_users_realm(const struct stun_users *users)
{
    return span_of_text(users->realm);
}

static uint32_t
hash_of(struct span bytes)
{
    return (uint32_t)span_hash(bytes);
}

/* Names and hashes of names alike. */
static const struct stun_user *
find(const struct stun_users *users, const struct hash_index *index, struct span key,
     struct span (*key_of)(const struct stun_user *user))
{
    uint32_t hash = hash_of(key), number, i;

    for (i = hash_index_first(index, hash); (number = hash_index_value(index, i)); i = hash_index_next(index, i, hash)) {
        const struct stun_user *user = users->list->pdata[number - 1];

        if (span_equal(key_of(user), key))
            return user;
    }
    return NULL;
}

static struct span
userhash_of(const struct stun_user *user)
{
    return span_of(user->hash, sizeof user->hash);
}

const struct stun_user *
stun_users_find(const struct stun_users *users, struct span name)
{
    return find(users, &users->names, name, stun_user_name);
}

const struct stun_user *
stun_users_find_hash(const struct stun_users *users, struct span hash)
{
    return find(users, &users->hashes, hash, userhash_of);
}

bool
stun_users_add(struct stun_users *users, struct span name, struct span password)
{
    struct stun_user *user;

    if (stun_users_find(users, name))
        return false;
    user = stun_user_new(name, stun_users_realm(users), password);
    if (!user)
        return false;
    g_ptr_array_add(users->list, user);
    hash_index_insert(&users->names, hash_of(name), users->list->len);
    hash_index_insert(&users->hashes, hash_of(userhash_of(user)), users->list->len);
    return true;
}

struct span
stun_user_name(const struct stun_user *user)
{
    return span_of(user->name, user->length);
}

const struct stun_key *
stun_user_short_term(const struct stun_user *user)
{
    return user->short_term;
}

const struct stun_key *
stun_user_long_term(const struct stun_user *user, unsigned algorithm)
{
    return algorithm == STUN_ALGORITHM_MD5 ? user->md5 : algorithm == STUN_ALGORITHM_SHA256 ? user->sha256 : NULL;
}
