/* Test vectors of STUN messages, as hexadecimal text for unit_hex().
 *
 * V1 to V4: RFC 5769 sections 2.1 to 2.4. V5: RFC 8489 appendix B.1 as implementations use it; the printed one counts
 * the header in its length, and its HMAC holds over that. V6: this project's own, with password algorithms. */
#ifndef TESTS_UNIT_STUN_VECTORS_H
#define TESTS_UNIT_STUN_VECTORS_H

#define STUN_V1                                                                                                        \
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff80290008"         \
    "932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004"         \
    "e57a3bcf"

#define STUN_V2                                                                                                        \
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a64300080014"         \
    "2b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"

#define STUN_V3                                                                                                        \
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9faa5d3f179"         \
    "bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c"

#define STUN_V4                                                                                                        \
    "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b900000015001c662f2f34"         \
    "39396b39353464364f4c33346f4c394653547679363473410014000b6578616d706c652e6f72670000080014f67024656dd64a3e"         \
    "02b8e0712e85c9a28ca89666"

#define STUN_V5                                                                                                        \
    "000100882112a44278ad3433c6ad72c029da412e001e00204a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41"         \
    "407f1704001500296f624d61744a6f733241414143662f2f3439396b39353464364f4c33346f4c39465354767936347341000000"         \
    "0014000b6578616d706c652e6f726700001c0020fd8c273860d2e18ebca4c89b6973befa7ee8ecc69e9642db326fab65a0b955ba"

#define STUN_V6                                                                                                        \
    "000100a42112a44278ad3433c6ad72c029da412e001e00204a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41"         \
    "407f1704001500296f624d61744a6f733277414141662f2f3439396b39353464364f4c33346f4c39465354767936347341000000"         \
    "0014000b6578616d706c652e6f726700800200080002000000010000001d000400020000001c002030bfc119ead112083ad96dc5"         \
    "c87f01fb271b5a7636c91052a85702aff022a65d802800041edf6d59"

#define STUN_VECTOR_PASSWORD "VOkJxbRl1RmTxUk/WvJxBt" /* short-term, V1 to V3 */

/* Long-term, V4 to V6: MATORIKKUSU in katakana, and what the password is after preparation. */
#define STUN_VECTOR_USERNAME "\xe3\x83\x9e\xe3\x83\x88\xe3\x83\xaa\xe3\x83\x83\xe3\x82\xaf\xe3\x82\xb9"
#define STUN_VECTOR_REALM "example.org"
#define STUN_VECTOR_LONG_PASSWORD "TheMatrIX"

#endif
