/* SPDX-License-Identifier: EUPL-1.2 */
/* Nothing here yet: replaced by the room's first file. */
typedef int room_is_empty;
