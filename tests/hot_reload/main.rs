//! Shaders that change while the engine trains: what is taken over and from which step on, what is refused
//! in which words, and that none of it ever stops the training.

#[path = "../common/mod.rs"]
mod common;
mod refused;
mod run;
mod saves;
mod taken;

use std::process::ExitCode;

use common::gpu::trial;
use libtest_mimic::Trial;

fn main() -> ExitCode {
    common::gpu::conclude(vec![
        trial("a good edit computes from its step on", |_| taken::a_good_edit_computes_from_its_step_on()),
        trial("a comment changes no bits", |_| taken::a_comment_changes_no_bits()),
        trial("the changes of images are taken over", |_| taken::the_changes_of_images_are_taken_over()),
        trial("wrong numbers are called out", |_| taken::wrong_numbers_are_called_out()),
        trial("workgroups of another size", |gpu| taken::workgroups_of_another_size(gpu)),
        Trial::test("the checks run every entry", || Ok(taken::the_checks_run_every_entry()?)),
        Trial::test("the check says what is wrong", || Ok(refused::the_check_says_what_is_wrong()?)),
        Trial::test("the check knows the host's constants", || {
            Ok(refused::the_check_knows_the_hosts_constants()?)
        }),
        Trial::test("the check leaves room", || Ok(refused::the_check_leaves_room()?)),
        trial("what is wrong is refused", |_| refused::what_is_wrong_is_refused()),
        trial("all or none", |_| refused::all_or_none()),
        trial("a folder that cannot be taken", |_| refused::a_folder_that_cannot_be_taken()),
        trial("a file saved as it was", |_| saves::a_file_saved_as_it_was()),
        trial("twenty saves in 200 ms", |_| saves::twenty_saves()),
        trial("save by rename", |_| saves::save_by_rename()),
        trial("a file that is gone", |_| saves::a_file_that_is_gone()),
        Trial::test("a file that never rests", || Ok(saves::a_file_that_never_rests()?)),
        Trial::test("a byte order mark is dropped", || Ok(saves::a_byte_order_mark_is_dropped()?)),
        Trial::test("a link that is pointed elsewhere", || Ok(saves::a_link_that_is_pointed_elsewhere()?)),
    ])
}
