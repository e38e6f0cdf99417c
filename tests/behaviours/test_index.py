"""Which test shows which of the numbered behaviours of channels (110 to 120), SFTP (121 to 176) and SCP (177 to 184).

Where ours is meant to differ the test shows ours, and docs/differences.md says why.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent

CHANNELS = "link/test_channels.py"
REQUESTS, FRAMING = "unit/mod_sftp/sftp/test_requests.py", "unit/mod_sftp/sftp/test_framing.py"
OPENING = "unit/mod_sftp/sftp/test_opening.py"
EXTENSIONS, PROGRAMS = "unit/mod_sftp/sftp/test_extensions.py", "unit/mod_sftp/sftp/test_programs.py"
MANNERS, SCP = "unit/mod_sftp/sftp/test_manners.py", "unit/mod_sftp/scp/test_scp.py"
UPLOADS, CHANGES = "unit/vfs/test_uploads.py", "unit/vfs/test_changes.py"
WORDS = "unit/mod_sftp/wire/test_words.py"
MATRIX, CLIENTS = "matrix/test_matrix.py", "interop/test_known_troubles.py"

#: number -> (file, tests in it), of which all together show the whole statement
SHOWN: dict[int, tuple[tuple[str, ...], ...]] = {
    110: ((CHANNELS, "test_C5_channels_are_limited", "test_C9_other_channels_are_refused"),),
    111: ((CHANNELS, "test_C2_input_behind_a_shut_window_is_bounded"),),
    112: ((CHANNELS, "test_C2_over_our_window_is_an_error", "test_C8_data_after_eof_is_no_loop"),),
    113: ((CHANNELS, "test_C8_window_beyond_the_largest"),),
    114: ((CHANNELS, "test_C9_other_requests_are_refused"),),
    115: ((CHANNELS, "test_C6_signals_do_nothing"),),
    116: ((CHANNELS, "test_end_of_a_channel_in_order"),),
    117: ((SCP, "test_d_needs_a_directory"), ("interop/test_openssh.py", "test_date_tells_the_time_of_the_server")),
    118: ((CHANNELS, "test_C1_window_of_one_byte_makes_progress"),),
    119: (
        ("interop/test_openssh.py", "test_no_shell"),
        (CHANNELS, "test_T15_scp_without_arguments"),
        (WORDS, "test_words_are_those_of_a_shell"),
    ),
    120: (
        ("interop/test_openssh.py", "test_date_tells_the_time_of_the_server"),
        ("transfers/test_manners.py", "test_protocols"),
    ),
    121: ((FRAMING, "test_limits_of_the_version_hold", "test_the_version_is_the_lower_one"),),
    122: ((FRAMING, "test_a_second_init_changes_nothing"),),
    123: (
        (EXTENSIONS,
         "test_announcements",
         "test_announcements_stand_in_the_order_of_the_real_server",
         "test_supported_of_version_5",
         "test_supported2_of_version_6"),
    ),
    124: ((EXTENSIONS, "test_version_select_otherwise_ends_the_channel", "test_version_select_directly_after_init"),),
    125: ((PROGRAMS, "test_names_are_utf8_from_version_4_and_local_on_disk"),),
    126: ((REQUESTS, "test_an_unknown_owner_is_named_in_the_answer"), (FRAMING, "test_unknown_types_are_unsupported")),
    127: ((MANNERS, "test_127_errors_of_the_kernel_by_version"),),
    128: ((MANNERS, "test_128_a_wrong_handle_has_a_code_that_the_version_knows"),),
    129: ((FRAMING, "test_handles_cannot_be_guessed"),),
    130: ((MANNERS, "test_130_long_names_look_like_ls"),),
    131: (
        (REQUESTS, "test_attributes_are_told_in_the_version_s_own_layout"),
        ("unit/mod_sftp/wire/test_attrs.py", "test_layouts"),
    ),
    132: ((REQUESTS, "test_attributes_that_we_do_not_set_are_read_off_the_wire"),),
    133: ((REQUESTS, "test_an_unknown_owner_is_named_in_the_answer"),),
    134: ((EXTENSIONS, "test_extended_attributes", "test_extended_attributes_may_be_hidden"),),
    135: ((MANNERS, "test_135_times_that_nobody_asked_for"),),
    136: ((MANNERS, "test_136_the_empty_path_is_where_the_login_began"),),
    137: ((PROGRAMS, "test_an_upload_in_the_logs", "test_what_an_open_acts_as"),),
    138: ((MANNERS, "test_138_fifos_do_not_hang_and_may_be_refused"),),
    139: ((OPENING, "test_attributes_of_an_open_are_for_new_files_only"),),
    140: (
        (OPENING,
         "test_access_that_is_not_supported",
         "test_locks_at_open_are_not_supported",
         "test_open_dispositions_of_version_6"),
    ),
    141: ((MATRIX, "test_overwrite_off_keeps_files_on_every_road_a10_21", "test_store_restart_off_refuses_to_append"),),
    142: (
        (UPLOADS, "test_a_mode_needs_what_site_chmod_needs"),
        (OPENING, "test_attributes_of_an_open_are_for_new_files_only"),
    ),
    143: ((UPLOADS, "test_the_umask_of_the_place_holds_for_files_and_directories"),),
    144: ((UPLOADS, "test_owners"),),
    145: ((UPLOADS, "test_a_link_is_written_through_at_its_target"),),
    146: ((MANNERS, "test_146_a_write_of_nothing_is_a_write"),),
    147: ((REQUESTS, "test_a_refused_upload_says_so_and_leaves_the_file"),),
    148: ((REQUESTS, "test_too_large_is_refused_before_it_is_written"),),
    149: ((REQUESTS, "test_growing_files_can_be_followed"),),
    150: ((FRAMING, "test_F3_read_sizes_are_capped"),),
    151: (
        (PROGRAMS, "test_an_upload_in_the_logs"),
        (UPLOADS, "test_without_allow_overwrite_a_name_that_appears_meanwhile_stays"),
    ),
    152: (
        (REQUESTS, "test_what_is_open_when_the_channel_goes_is_logged_as_broken"),
        ("transfers/test_manners.py", "test_promise_05_what_a_broken_upload_leaves_is_one_table"),
    ),
    153: (("transfers/test_manners.py", "test_hidden_stores_show_the_name_when_all_is_there"),),
    154: ((CHANGES, "test_making_a_directory_that_is_there_is_success"),),
    155: ((MANNERS, "test_155_remove_is_for_files_and_rmdir_for_directories"), (CHANGES, "test_removing_directories")),
    156: (
        (REQUESTS, "test_rename_replaces_when_the_flags_ask_and_policy_allows", "test_rename_refuses_an_existing_target"),
        (CHANGES, "test_a_name_is_not_renamed_to_itself"),
    ),
    157: ((CHANGES, "test_across_disks_directories_stay", "test_f7_across_disks_links_are_moved_as_links"),),
    158: ((REQUESTS, "test_symlink_takes_the_order_of_the_client", "test_link_of_version_6"),),
    159: ((CLIENTS, "test_3_links_keep_their_text"), ("unit/vfs/test_view.py", "test_f10_links_inside_a_chroot")),
    160: ((REQUESTS, "test_realpath_6_control_byte", "test_realpath_6_always_fails_without_the_file"),),
    161: ((REQUESTS, "test_realpath_answers_for_a_name_about_to_be_made"),),
    162: (("unit/vfs/test_view.py", "test_stat_follows_and_lstat_does_not"),),
    163: ((PROGRAMS, "test_deny_listing_is_an_empty_directory", "test_limits_of_listings"),),
    164: (
        (REQUESTS, "test_version_6_says_where_a_directory_ends"),
        ("unit/vfs/test_access.py", "test_entries_that_may_not_be_listed_are_left_out"),
        ("unit/vfs/test_directories.py", "test_fakes"),
    ),
    165: (("unit/vfs/test_directories.py", "test_what_vanishes_meanwhile_does_no_harm"),),
    166: ((PROGRAMS, "test_ignored_attributes_are_answered_ok"), (REQUESTS, "test_setstat_stops_at_the_first_failure")),
    167: ((MANNERS, "test_167_fsetstat_of_size_0_empties_a_file"),),
    168: ((REQUESTS, "test_locks_conflict_between_channels"),
          ("behaviours/test_locks.py", "test_ranges_conflict_where_they_meet", "test_other_programs_see_the_locks")),
    169: ((PROGRAMS, "test_extensions_in_the_logs"),),
    170: ((EXTENSIONS, "test_copy_file"),),
    171: (
        (EXTENSIONS,
         "test_check_file_refusals",
         "test_check_file_by_handle",
         "test_check_file_by_name_in_blocks",
         "test_check_file_needs_read"),
    ),
    172: (
        (PROGRAMS, "test_old_openssh_hears_of_small_limits"),
        (EXTENSIONS, "test_limits"),
        ("behaviours/test_large_and_many.py", "test_as_many_handles_as_limits_announces"),
    ),
    173: ((EXTENSIONS, "test_statvfs", "test_space_available"),),
    174: ((EXTENSIONS, "test_users_and_groups_by_id"),),
    175: ((EXTENSIONS, "test_home_directory_tells_of_oneself_alone"),),
    176: ((EXTENSIONS, "test_unknown_extensions_are_unsupported"),),
    177: ((SCP, "test_command_lines_that_are_refused", "test_flags_may_stand_together_and_unknown_ones_are_ignored"),),
    178: ((SCP, "test_178_where_an_upload_goes"),),
    179: (
        (SCP,
         "test_the_client_may_refuse_a_file",
         "test_a_fatal_answer_ends_it",
         "test_trouble_with_one_file_does_not_stop_the_next"),
    ),
    180: ((SCP, "test_a_shorter_file_replaces_a_longer_one"),),
    181: ((SCP, "test_directories_get_their_mode_and_times_when_left"),),
    182: (
        (SCP,
         "test_wildcards_on_downloads_only",
         "test_trouble_with_one_file_does_not_stop_the_next",
         "test_globbing_can_be_off"),
    ),
    183: ((SCP, "test_uploads_obey_the_rules_of_uploads", "test_an_upload_cut_short_is_reported"),),
    184: (("transfers/test_timeouts.py", "test_an_open_file_whose_bytes_move_is_not_stalled"),),
}


@pytest.mark.parametrize("number", range(110, 185))
def test_every_behaviour_has_its_test(number: int) -> None:
    for file, *names in SHOWN[number]:
        text = (TESTS / file).read_text()
        for name in names:
            assert re.search(rf"^ *(async )?def {name}\(", text, re.MULTILINE), f"{file} has no {name}"
